/** The version of the formats of `-o json`, which `docs/cli.md` describes. */
const API_VERSION = 'cli.leasehold.dev/v1';

/** The lines of a document of `-o json`; it names its `kind`. */
export function* jsonLines(document: object): Generator<string, void, undefined> {
  yield JSON.stringify({ apiVersion: API_VERSION, ...document }, undefined, 2);
}

/** The lines of a list of such documents, made while they are printed: there may be ten thousand. */
export function* jsonListLines(
  head: Readonly<Record<string, string | null>>,
  items: Iterable<unknown>,
): Generator<string, void, undefined> {
  const document = JSON.stringify({ apiVersion: API_VERSION, kind: 'List', ...head }, undefined, 2);
  yield `${document.slice(0, -2)},`;
  let last: string | undefined;
  yield '  "items": [';
  for (const item of items) {
    if (last !== undefined) yield `${last},`;
    last = JSON.stringify(item, undefined, 2).replace(/^/gm, '    ');
  }
  if (last !== undefined) yield last;
  yield '  ]';
  yield '}';
}

/** A document in one line, for streams. */
export function jsonLine(document: object): string {
  return JSON.stringify({ apiVersion: API_VERSION, ...document });
}
