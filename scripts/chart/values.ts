/** A value of the chart, and what its comment says. */
export interface Explained {
  /** Such as `image.tag`. */
  readonly key: string;
  readonly description: string;
}

/**
 * What `values.yaml` explains: a comment is about the key below it, with all that this contains.
 *
 * @throws Error when a value has no comment
 */
export function explainedValues(values: string): Explained[] {
  const rows: Explained[] = [];
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
