import { load } from 'js-yaml';

const BEGIN = '<!-- values: written by npm run chart -->';
const END = '<!-- end of values -->';

interface Row {
  readonly key: string;
  readonly description: string;
}

/**
 * The README of the chart with its table of values as `values.yaml` has them: a comment explains the key
 * below it, with all that this contains. A value that nobody explains is an error.
 */
export function withValues(readme: string, values: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin === -1 || end === -1) throw new Error(`the README has no ${BEGIN} or no ${END}`);
  const defaults = load(values);
  const lines = rowsOf(values).map(
    ({ key, description }) =>
      `| \`${key}\` | ${cell(`\`${JSON.stringify(valueAt(defaults, key))}\``)} | ${cell(description)} |`,
  );
  const table = ['| value | default | |', '| --- | --- | --- |', ...lines].join('\n');
  return `${readme.slice(0, begin)}${BEGIN}\n\n${table}\n\n${readme.slice(end)}`;
}

function rowsOf(values: string): Row[] {
  const rows: Row[] = [];
  /** The keys around the present line, by the depth that they stand at. */
  let path: { readonly depth: number; readonly key: string; readonly explained: boolean }[] = [];
  let comment: string[] = [];
  for (const line of values.split('\n')) {
    const [, said] = /^ *# (.*)$/.exec(line) ?? [];
    const [, indent = '', name, value = ''] = /^( *)([\w.-]+):(.*)$/.exec(line) ?? [];
    if (said !== undefined) comment.push(said);
    if (name === undefined) continue;
    path = path.filter(({ depth }) => depth < indent.length);
    const key = [...path.map((outer) => outer.key), name].join('.');
    const isInside = path.some(({ explained }) => explained);
    if (comment.length > 0 && !isInside) rows.push({ key, description: comment.join(' ') });
    if (comment.length === 0 && !isInside && value !== '') {
      throw new Error(`values.yaml does not explain ${key}`);
    }
    path.push({ depth: indent.length, key: name, explained: comment.length > 0 });
    comment = [];
  }
  return rows;
}

function valueAt(values: unknown, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name],
      values,
    );
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
