import type { OpenApiDocument, OpenApiOperation } from './openapi-document.ts';

/** The API as one page of plain HTML, without a script: works under the same policy as every other page. */
export function docsPage(document: OpenApiDocument): string {
  const byTag = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? 'other';
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationHtml(method, path, operation)]);
    }
  }
  const sections = [...byTag].map(
    ([tag, operations]) => `<section id="${idOf(tag)}"><h2>${escape(tag)}</h2>${operations.join('')}</section>`,
  );
  const links = [...byTag.keys()].map((tag) => `<a href="#${idOf(tag)}">${escape(tag)}</a>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(document.info.title)} API</title><link rel="stylesheet" href="/api/docs/style.css"></head>
<body><header><h1>${escape(document.info.title)} API</h1><p>${escape(document.info.description ?? '')}</p>
<p>All paths are below <code>/api/v1</code>. <a href="/api/openapi.json">OpenAPI ${escape(document.openapi)}</a></p><nav>${links.join(' ')}</nav></header>
<main>${sections.join('')}</main></body></html>
`;
}

function operationHtml(method: string, path: string, operation: OpenApiOperation): string {
  const parameters = (operation.parameters ?? []).map(
    (one) =>
      `<tr><td><code>${escape(one.name)}</code>${one.required ? ' *' : ''}</td><td>${escape(one.in)}</td><td><code>${escape(JSON.stringify(one.schema ?? {}))}</code></td></tr>`,
  );
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const responses = Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const schema = Object.values(response.content ?? {})[0]?.schema;
    return `<h4>Answer ${escape(status)}</h4>${schema === undefined ? '' : schemaHtml(schema)}`;
  });
  return `<details><summary><b class="${escape(method)}">${escape(method.toUpperCase())}</b> <code>${escape(path)}</code> <span>${escape(operation.summary ?? '')}</span></summary>
${parameters.length === 0 ? '' : `<table><tr><th>name</th><th>in</th><th>schema</th></tr>${parameters.join('')}</table>`}
${body === undefined ? '' : `<h4>Body</h4>${schemaHtml(body)}`}${responses.join('')}</details>`;
}

function schemaHtml(schema: unknown): string {
  return `<pre>${escape(JSON.stringify(schema, null, 2))}</pre>`;
}

function idOf(tag: string): string {
  return tag.replace(/[^a-z0-9]+/gi, '-');
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export const DOCS_STYLE = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
nav a { margin-right: .75rem; }
details { border-top: 1px solid #8884; padding: .35rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; font-family: ui-monospace, monospace; min-width: 4rem; }
summary span { opacity: .75; }
pre { background: #8881; border-radius: 4px; max-height: 24rem; overflow: auto; padding: .75rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .6rem; text-align: left; vertical-align: top; }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
`;
