// Small things with elements.

/** The element of an id. */
export const $ = (id) => document.getElementById(id);

/** Makes an element: text and elements become its children, `style` its own CSS properties. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'style') for (const [key, of] of Object.entries(value)) element.style.setProperty(key, of);
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A place to remember something; forgets everything where pages may not. */
export function remember(store, key, value) {
  try {
    const storage = store === 'tab' ? sessionStorage : localStorage;
    if (value === null) storage.removeItem(key);
    else if (value !== undefined) storage.setItem(key, value);
    return storage.getItem(key);
  } catch {
    return null;
  }
}
