import stringWidth from 'string-width';

/** Nearly all names: nothing in them needs to be looked at. */
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * A text of others as one that a terminal may be given: names may hold any character, and those that
 * steer a terminal or turn the direction of writing are shown as escapes.
 */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** A text of others as one word of a command line: it is not to run when it is pasted. */
export function shellWord(text: string): string {
  if (/^[\w.-]+$/.test(text)) return text;
  return `'${printable(text).replaceAll("'", String.raw`'\''`)}'`;
}

/** Columns that it takes in a terminal. */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/**
 * The text in at most `width` columns: its middle is left out, as both ends tell names apart, the end
 * of a Pod's name more than its beginning.
 */
export function shortened(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const atEnd = Math.floor((width - 1) * 0.6);
  if (PLAIN.test(text))
    return `${text.slice(0, width - 1 - atEnd)}…${text.slice(text.length - atEnd)}`;
  const characters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  const end = taken(characters.toReversed(), atEnd).reverse().join('');
  const start = taken(characters, width - 1 - widthOf(end)).join('');
  return `${start}…${end}`;
}

/** The first characters that fit. */
function taken(characters: readonly string[], width: number): string[] {
  let used = 0;
  const fitting: string[] = [];
  for (const character of characters) {
    used += widthOf(character);
    if (used > width) break;
    fitting.push(character);
  }
  return fitting;
}

/** How long something lasts, in at most two units, as kubectl writes it: `45s`, `5m12s`, `3d4h`. */
export function durationText(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const sign = seconds < 0 ? '-' : '';
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(whole / unit));
  if (whole < 120) return `${sign}${String(whole)}s`;
  if (whole < 600) return `${sign}${units(minutes, 'm', whole % 60, 's')}`;
  if (whole < 3 * 3_600) return `${sign}${String(minutes)}m`;
  if (whole < 8 * 3_600)
    return `${sign}${units(hours, 'h', Math.floor((whole % 3_600) / 60), 'm')}`;
  if (whole < 2 * 86_400) return `${sign}${String(hours)}h`;
  if (whole < 8 * 86_400) {
    return `${sign}${units(days, 'd', Math.floor((whole % 86_400) / 3_600), 'h')}`;
  }
  return `${sign}${String(days)}d`;
}

function units(large = 0, largeUnit: string, small: number, smallUnit: string): string {
  return `${String(large)}${largeUnit}${small === 0 ? '' : `${String(small)}${smallUnit}`}`;
}
