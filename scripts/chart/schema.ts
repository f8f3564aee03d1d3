import { explainedValues } from './values.ts';

interface Schema {
  description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The schema of the values with the descriptions that `values.yaml` has, for editors to show. */
export function withDescriptions(text: string, values: string): string {
  const schema = JSON.parse(text) as Schema;
  for (const { key, description } of explainedValues(values)) {
    const names = key.split('.');
    const described = names.reduce<Schema | undefined>(
      (around, name) => around?.properties?.[name],
      schema,
    );
    if (!described) throw new Error(`values.schema.json does not have ${key}`);
    described.description = description;
  }
  return JSON.stringify(schema);
}
