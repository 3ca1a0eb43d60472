/**
 * The terminal writes its colours and sizes into style elements, which the content security policy refuses. It is given this document instead, whose
 * style elements are sheets that the page adopts: the policy lets a script of ours make those.
 */
export function styledDocument(): Document {
  return new Proxy(document, {
    get(target, key) {
      if (key === 'createElement')
        return (name: string) => (name === 'style' ? adoptedStyle() : target.createElement(name));
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function adoptedStyle(): HTMLElement {
  const element = document.createElement('span');
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', { set: sheet.replaceSync.bind(sheet) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    element.parentNode?.removeChild(element);
  };
  return element;
}
