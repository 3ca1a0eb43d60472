import type { Terminal } from '@xterm/xterm';

/**
 * The terminal (xterm 6.0.0) writes its sizes and colours into style elements while it is opened, and colours of single letters into style
 * attributes of spans at any time. The content security policy refuses both, and lets a script of ours adopt sheets and set declarations. Its option
 * `documentOverride` does not help: the scroll bar and the letters take the document of the window all the same.
 */
export function openStyled(terminal: Terminal, place: HTMLElement): void {
  declareStylesOfSpans();
  const create = document.createElement.bind(document);
  Object.defineProperty(document, 'createElement', {
    configurable: true,
    value: (name: string) => (name === 'style' ? adoptedStyle(create('span')) : create(name)),
  });
  try {
    terminal.open(place);
  } finally {
    Reflect.deleteProperty(document, 'createElement');
  }
}

function adoptedStyle(element: HTMLElement): HTMLElement {
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

/** For every span of the page: what was refused works, and nothing else changes. */
function declareStylesOfSpans(): void {
  HTMLSpanElement.prototype.setAttribute = function setAttribute(name, value) {
    if (name === 'style') this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}
