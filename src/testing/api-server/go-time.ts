const LAYOUT = '2006-01-02T15:04:05';

/** The parts of a timestamp in order, with what Go calls each in its messages. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d{2}/, '01'],
  [/^-/, '-'],
  [/^\d{2}/, '02'],
  [/^T/, 'T'],
  [/^\d{2}/, '15'],
  [/^:/, ':'],
  [/^\d{2}/, '04'],
  [/^:/, ':'],
  [/^\d{2}/, '05'],
];

const ZONE: readonly [RegExp, string] = [/^(Z|[+-]\d{2}:\d{2})/, 'Z07:00'];

/**
 * A `MicroTime` (RFC 3339 with exactly six fraction digits) in the form in which it is stored.
 *
 * @throws Error in the words of Go's time package
 */
export function parseMicroTime(text: string): string {
  const layout = `${LAYOUT}.000000Z07:00`;
  const { date, fraction } = parse(text, layout, [[/^[.,]\d{6}/, '.000000']]);
  return `${date.toISOString().slice(0, 19)}.${fraction.slice(1)}Z`;
}

/**
 * A `Time` (RFC 3339) in the form in which it is stored: whole seconds, UTC.
 *
 * @throws Error in the words of Go's time package
 */
export function parseTime(text: string): string {
  const { date } = parse(text, `${LAYOUT}Z07:00`, [[/^([.,]\d+)?/, '']]);
  return `${date.toISOString().slice(0, 19)}Z`;
}

export function formatTime(wall: number): string {
  return `${new Date(wall).toISOString().slice(0, 19)}Z`;
}

function parse(
  text: string,
  layout: string,
  fractionPart: readonly (readonly [RegExp, string])[],
): { date: Date; fraction: string } {
  const what = `parsing time ${JSON.stringify(text)}`;
  let rest = text;
  const taken: string[] = [];
  for (const [pattern, name] of [...PARTS, ...fractionPart, ZONE]) {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) {
      throw new Error(`${what} as "${layout}": cannot parse ${JSON.stringify(rest)} as "${name}"`);
    }
    taken.push(found);
    rest = rest.slice(found.length);
  }
  if (rest !== '') throw new Error(`${what}: extra text: ${JSON.stringify(rest)}`);
  const [year = '', , month = '', , day = '', , hour = '', , minute = '', , second = ''] = taken;
  const outOfRange = rangeProblem(Number(year), Number(month), Number(day), hour, minute, second);
  if (outOfRange !== '') throw new Error(`${what}: ${outOfRange} out of range`);
  const seconds = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  return { date: new Date(seconds + (taken.at(-1) ?? 'Z')), fraction: taken.at(-2) ?? '' };
}

function rangeProblem(
  year: number,
  month: number,
  day: number,
  hour: string,
  minute: string,
  second: string,
): string {
  if (month < 1 || month > 12) return 'month';
  if (day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return 'day';
  if (Number(hour) > 23) return 'hour';
  if (Number(minute) > 59) return 'minute';
  return Number(second) > 59 ? 'second' : '';
}
