import type { KubeObject, ObjectMeta } from './object.ts';
import { isSameJson, objectAt, textAt } from './object.ts';
import type { Resource } from './resources.ts';
import type { Cause } from './status.ts';

const MOST_ANNOTATION_BYTES = 262_144;

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SERVICE_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const SUBDOMAIN_PROBLEM =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_PROBLEM =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SERVICE_NAME_PROBLEM =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_PROBLEM =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_PROBLEM =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

interface NameRule {
  readonly pattern: RegExp;
  readonly most: number;
  readonly problem: string;
}

const SUBDOMAIN_RULE: NameRule = { pattern: SUBDOMAIN, most: 253, problem: SUBDOMAIN_PROBLEM };
const NAME_RULES: Readonly<Record<string, NameRule>> = {
  namespaces: { pattern: LABEL, most: 63, problem: LABEL_PROBLEM },
  services: { pattern: SERVICE_NAME, most: 63, problem: SERVICE_NAME_PROBLEM },
};

export function invalidValue(field: string, value: unknown, why: string): Cause {
  const message = `Invalid value: ${JSON.stringify(value)}: ${why}`;
  return { reason: 'FieldValueInvalid', message, field };
}

/** What the API server finds wrong with an object that is to be stored. */
export function validate(object: KubeObject, resource: Resource): Cause[] {
  return [...validateMetadata(object.metadata, resource), ...validateSpec(object, resource)];
}

/** What it finds wrong with a change, besides what {@link validate} finds. */
export function validateUpdate(object: KubeObject, previous: KubeObject): Cause[] {
  const { metadata } = object;
  const old = previous.metadata;
  const causes: Cause[] = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((name) => !old.finalizers?.includes(name));
    if (added.length > 0) {
      const names = added.map((name) => JSON.stringify(name)).join(', ');
      causes.push({
        reason: 'FieldValueForbidden',
        message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`,
        field: 'metadata.finalizers',
      });
    }
  }
  for (const field of ['uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    if (!isSameJson(metadata[field], old[field])) {
      causes.push(invalidValue(`metadata.${field}`, metadata[field], 'field is immutable'));
    }
  }
  return causes;
}

function validateMetadata(metadata: ObjectMeta, resource: Resource): Cause[] {
  const causes: Cause[] = [];
  const rule = NAME_RULES[resource.storage] ?? SUBDOMAIN_RULE;
  const { generateName = '', name = '' } = metadata;
  if (generateName !== '') {
    for (const why of nameProblems(generateName.replace(/-$/, 'a'), rule)) {
      causes.push(invalidValue('metadata.generateName', generateName, why));
    }
  }
  if (name === '') {
    const message = 'Required value: name or generateName is required';
    causes.push({ reason: 'FieldValueRequired', message, field: 'metadata.name' });
  } else {
    for (const why of nameProblems(name, rule)) {
      causes.push(invalidValue('metadata.name', name, why));
    }
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const why of qualifiedNameProblems(key)) {
      causes.push(invalidValue('metadata.labels', key, why));
    }
    for (const why of labelValueProblems(value)) {
      causes.push(invalidValue('metadata.labels', value, why));
    }
  }
  causes.push(...validateAnnotations(metadata.annotations ?? {}));
  causes.push(...validateOwners(metadata));
  for (const finalizer of metadata.finalizers ?? []) {
    for (const why of qualifiedNameProblems(finalizer)) {
      causes.push(invalidValue('metadata.finalizers', finalizer, why));
    }
  }
  return causes;
}

function validateAnnotations(annotations: Readonly<Record<string, string>>): Cause[] {
  const field = 'metadata.annotations';
  const causes: Cause[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    for (const why of qualifiedNameProblems(key.toLowerCase())) {
      causes.push(invalidValue(field, key, why));
    }
  }
  if (bytes > MOST_ANNOTATION_BYTES) {
    const message = `Too long: may not be more than ${String(MOST_ANNOTATION_BYTES)} bytes`;
    causes.push({ reason: 'FieldValueTooLong', message, field });
  }
  return causes;
}

function validateOwners({ ownerReferences = [] }: ObjectMeta): Cause[] {
  const causes: Cause[] = [];
  const field = 'metadata.ownerReferences';
  for (const owner of ownerReferences) {
    if (!owner.apiVersion) {
      causes.push(invalidValue(`${field}.apiVersion`, '', 'version must not be empty'));
    }
    for (const key of ['kind', 'name', 'uid'] as const) {
      if (!owner[key]) causes.push(invalidValue(`${field}.${key}`, '', 'must not be empty'));
    }
  }
  const controllers = ownerReferences.filter((owner) => owner.controller);
  if (controllers.length > 1) {
    const [first, second] = controllers;
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${first?.kind ?? ''}/${first?.name ?? ''} and ${second?.kind ?? ''}/${second?.name ?? ''}`;
    causes.push(invalidValue(field, ownerReferences, why));
  }
  return causes;
}

function validateSpec(object: KubeObject, resource: Resource): Cause[] {
  switch (resource.storage) {
    case 'leases':
      return validateLease(object);
    case 'pods':
      return validatePod(object);
    case 'events':
      return validateEvent(object, resource);
    default:
      return [];
  }
}

function validateLease(lease: KubeObject): Cause[] {
  const { leaseDurationSeconds: seconds, leaseTransitions: count } = objectAt(lease, 'spec');
  const causes: Cause[] = [];
  if (typeof seconds === 'number' && seconds <= 0) {
    causes.push(invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  }
  if (typeof count === 'number' && count < 0) {
    const why = 'must be greater than or equal to 0';
    causes.push(invalidValue('spec.leaseTransitions', count, why));
  }
  return causes;
}

function required(field: string): Cause {
  return { reason: 'FieldValueRequired', message: 'Required value', field };
}

function validatePod(pod: KubeObject): Cause[] {
  const { containers } = objectAt(pod, 'spec');
  if (!Array.isArray(containers) || containers.length === 0) return [required('spec.containers')];
  return containers.flatMap((container, index) => {
    const field = `spec.containers[${String(index)}]`;
    const causes: Cause[] = [];
    if (textAt(container, 'name') === '') causes.push(required(`${field}.name`));
    if (textAt(container, 'image') === '') causes.push(required(`${field}.image`));
    return causes;
  });
}

function validateEvent(event: KubeObject, resource: Resource): Cause[] {
  const causes: Cause[] = [];
  const namespace = event.metadata.namespace ?? '';
  const involved = textAt(event, 'involvedObject', 'namespace');
  const isClusterScoped = involved === '' && namespace === 'default';
  if (involved !== namespace && !isClusterScoped) {
    const why = 'does not match event.namespace';
    causes.push(invalidValue('involvedObject.namespace', involved, why));
  }
  if (resource.group === '' && event.eventTime === undefined) return causes;
  if (resource.group === '') return causes;
  if (event.eventTime === undefined) causes.push(required('eventTime'));
  else {
    if (textAt(event, 'reportingComponent') === '') causes.push(required('reportingController'));
    if (textAt(event, 'reportingInstance') === '') causes.push(required('reportingInstance'));
    if (textAt(event, 'action') === '') causes.push(required('action'));
    if (textAt(event, 'reason') === '') causes.push(required('reason'));
  }
  const type = textAt(event, 'type');
  if (type !== 'Normal' && type !== 'Warning') {
    causes.push(invalidValue('type', type, `has invalid value: ${type}`));
  }
  return causes;
}

function nameProblems(name: string, { pattern, most, problem }: NameRule): string[] {
  const problems: string[] = [];
  if (name.length > most) problems.push(`must be no more than ${String(most)} bytes`);
  if (!pattern.test(name)) problems.push(problem);
  return problems;
}

function qualifiedNameProblems(text: string): string[] {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${QUALIFIED_PROBLEM} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const problems: string[] = [];
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix === '') problems.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    problems.push(...nameProblems(prefix, SUBDOMAIN_RULE).map((why) => `prefix part ${why}`));
  }
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push('name part must be no more than 63 bytes');
  if (!QUALIFIED_PART.test(name)) problems.push(`name part ${QUALIFIED_PROBLEM}`);
  return problems;
}

function labelValueProblems(value: string): string[] {
  const problems: string[] = [];
  if (value.length > 63) problems.push('must be no more than 63 bytes');
  if (!LABEL_VALUE.test(value)) problems.push(LABEL_VALUE_PROBLEM);
  return problems;
}
