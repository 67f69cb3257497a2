// Colours of seats and of the floor, as the theme has them.

/** One for each of the first sixteen seats, told apart on dark and on light. */
const SEATS = {
  dark: ['#ff6b4a', '#3ddc97', '#4cb8ff', '#ffc145', '#ff6fb5', '#b7e04b', '#b69cff', '#4fe0e0',
    '#ff9a5c', '#8fd694', '#86a8ff', '#f2e26b', '#ff8f8f', '#5fd0b3', '#d59bf6', '#c9d3cc'],
  light: ['#e0431f', '#12925c', '#1273c9', '#c98500', '#cf2f82', '#658f0b', '#7048d6', '#0f8f95',
    '#d2691e', '#2f8a45', '#3559c9', '#a08a00', '#c94444', '#16806a', '#9440c4', '#5f6b64'],
};

/** Whether the page is dark now. */
export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

/** The colours a canvas draws with; read again when the theme changes. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const seats = SEATS[isDark() ? 'dark' : 'light'];
  return {
    dark: isDark(),
    paper: of('paper'),
    panel: of('panel'),
    ink: of('ink'),
    soft: of('soft'),
    line: of('line'),
    floor: of('floor'),
    grid: of('grid'),
    wall: of('wall'),
    wallTop: of('wall-top'),
    shade: of('shade'),
    accent: of('accent'),
    good: of('good'),
    bad: of('bad'),
    seat: (seat) => seats[seat % seats.length],
  };
}

/** Writes the colours of seats into the page, as --seat-0 and so on. */
export function writeSeatColours(root = document.documentElement) {
  const { seat } = palette();
  for (let index = 0; index < 16; index += 1) root.style.setProperty(`--seat-${index}`, seat(index));
}
