// Rules that no stock rule can express. Loaded by oxlint; proven to fire by sluice-lint-plugin.spec.ts.

const ambientCalls = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'crypto.randomUUID',
  'crypto.getRandomValues',
]);

/** @param {any} node @returns {string | undefined} "object.property" of a member expression on a plain name */
function memberName(node) {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return undefined;
  const key = node.computed ? node.property.value : node.property.name;
  return typeof key === 'string' ? `${node.object.name}.${key}` : undefined;
}

const noAmbientInput = {
  meta: { type: 'problem', schema: [] },
  /** @param {any} context */
  create(context) {
    return {
      /** @param {any} node */
      MemberExpression(node) {
        const name = memberName(node);
        if (name !== undefined && ambientCalls.has(name)) {
          context.report({
            node,
            message: `${name} makes the core unrepeatable: take time, ids and chance as parameters.`,
          });
        }
      },
      /** @param {any} node */
      NewExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0) {
          context.report({ node, message: 'new Date() reads the clock: take the time as a parameter.' });
        }
      },
      /** @param {any} node */
      CallExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date') {
          context.report({ node, message: 'Date() reads the clock: take the time as a parameter.' });
        }
      },
    };
  },
};

const htmlSinks = new Set(['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'dangerouslySetInnerHTML']);

const noHtmlInjection = {
  meta: { type: 'problem', schema: [] },
  /** @param {any} context */
  create(context) {
    /** @param {any} node @param {unknown} name */
    const check = (node, name) => {
      if (typeof name !== 'string' || !htmlSinks.has(name)) return;
      context.report({
        node,
        message: `${name} turns text into markup, and logs, branches and messages are untrusted: render text nodes.`,
      });
    };
    return {
      /** @param {any} node */
      MemberExpression(node) {
        check(node, node.computed ? node.property.value : node.property.name);
      },
      /** @param {any} node */
      JSXAttribute(node) {
        check(node, node.name.name === 'srcDoc' ? 'srcdoc' : node.name.name);
      },
      /** @param {any} node */
      Property(node) {
        if (!node.computed && node.key.type === 'Identifier') check(node, node.key.name);
      },
    };
  },
};

export default {
  meta: { name: 'sluice' },
  rules: { 'no-ambient-input': noAmbientInput, 'no-html-injection': noHtmlInjection },
};
