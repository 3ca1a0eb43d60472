import { API_PREFIX, contract } from '@sluice/protocol';

export interface OpenApiOperation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: unknown;
  }[];
  readonly requestBody?: { readonly content?: Record<string, { readonly schema?: unknown }> };
  readonly responses?: Record<
    string,
    { readonly description?: string; readonly content?: Record<string, { readonly schema?: unknown }> }
  >;
}
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: Record<string, Record<string, OpenApiOperation>>;
}

let made: Promise<OpenApiDocument> | undefined;

/** OpenAPI 3.1 of the contract and the byte routes beside it. Made at the first request: its libraries would slow down every start. */
export function openApiDocument(): Promise<OpenApiDocument> {
  made ??= generate();
  return made;
}

async function generate(): Promise<OpenApiDocument> {
  const [{ OpenAPIGenerator }, { ZodToJsonSchemaConverter }] = await Promise.all([
    import('@orpc/openapi'),
    import('@orpc/zod/zod4'),
  ]);
  const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] });
  const document = (await generator.generate(contract, {
    info: {
      title: 'Sluice',
      version: '1',
      description:
        'Sign in with POST /session and send the cookie and X-Sluice-Csrf, or send an API token as a bearer token. Errors are { error: { code, message, requestId } } unless a route declares its own.',
    },
    servers: [{ url: API_PREFIX }],
    security: [{ session: [] }, { token: [] }],
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: '__Host-sluice' },
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'slt_... of a person, slr_... of a runner' },
      },
    },
  })) as unknown as OpenApiDocument;
  return { ...document, paths: { ...document.paths, ...BYTE_ROUTES } };
}

const text = { type: 'string' };
const BYTE_ROUTES: OpenApiDocument['paths'] = {
  '/live': {
    get: {
      tags: ['live'],
      summary: 'Server-sent events: what changed, never the data',
      parameters: [
        {
          name: 'topics',
          in: 'query',
          required: true,
          schema: {
            ...text,
            description:
              'board, approvals, runners, environments, run:<id>, log:<attemptId>, lane:<id>, service:<slug>, deployment:<id>; separated by commas',
          },
        },
        { name: 'last-event-id', in: 'header', schema: text },
      ],
      responses: { 200: { description: 'text/event-stream', content: { 'text/event-stream': { schema: text } } } },
    },
  },
};
