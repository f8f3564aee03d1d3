import schemas from './schemas.json' with { type: 'json' };

/** The schema of a value, as the OpenAPI of kube-apiserver has it, without descriptions. */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  /** The name of another schema. */
  readonly ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly default?: unknown;
  /** Of the field, in protobuf. */
  readonly number?: number;
  /** The number of the message that holds it, where Go embeds one struct in another. */
  readonly embeddedIn?: number;
  readonly 'list-type'?: string;
  readonly 'list-map-keys'?: readonly string[];
  readonly 'map-type'?: string;
  readonly 'patch-merge-key'?: string;
  readonly 'patch-strategy'?: string;
}

const SCHEMAS: Readonly<Record<string, Schema>> = schemas;

/** The schema that a reference names; itself when it is none. */
export function resolved(schema: Schema): Schema {
  return schema.ref === undefined ? schema : (SCHEMAS[schema.ref] ?? {});
}

/** The last part of a schema's name: that of the Go struct. */
export function structName(definition: string): string {
  return definition.slice(definition.lastIndexOf('.') + 1);
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
export const MICRO_TIME = `${META}.MicroTime`;
export const TIME = `${META}.Time`;
export const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
export const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
