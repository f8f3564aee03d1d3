import { load } from 'js-yaml';
import { explainedValues } from './values.ts';

const BEGIN = '<!-- values: written by npm run chart -->';
const END = '<!-- end of values -->';

/** The README of the chart with its table of values as `values.yaml` has and explains them. */
export function withValues(readme: string, values: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin === -1 || end === -1) throw new Error(`the README has no ${BEGIN} or no ${END}`);
  const defaults = load(values);
  const lines = explainedValues(values).map(
    ({ key, description }) =>
      `| \`${key}\` | ${cell(`\`${JSON.stringify(valueAt(defaults, key))}\``)} | ${cell(description)} |`,
  );
  const table = ['| value | default | |', '| --- | --- | --- |', ...lines].join('\n');
  return `${readme.slice(0, begin)}${BEGIN}\n\n${table}\n\n${readme.slice(end)}`;
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
