import type { Json, KubeObject, ObjectMeta } from './object.ts';
import {
  configKeyProblems,
  labelValueProblems,
  objectNameProblems,
  qualifiedNameProblems,
} from './names.ts';
import { isSameJson, objectAt, textAt } from './object.ts';
import type { Resource } from './resources.ts';
import type { Cause } from './status.ts';

const MOST_ANNOTATION_BYTES = 262_144;

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
  return [...causes, ...validateChangeable(metadata)];
}

function validateMetadata(metadata: ObjectMeta, resource: Resource): Cause[] {
  const causes: Cause[] = [];
  const { generateName = '', name = '' } = metadata;
  if (generateName !== '' && resource.storage !== 'events') {
    for (const why of objectNameProblems(generateName.replace(/-$/, 'a'), resource.storage)) {
      causes.push(invalidValue('metadata.generateName', generateName, why));
    }
  }
  if (name === '') {
    const message = 'Required value: name or generateName is required';
    causes.push({ reason: 'FieldValueRequired', message, field: 'metadata.name' });
  } else {
    for (const why of objectNameProblems(name, resource.storage)) {
      causes.push(invalidValue('metadata.name', name, why));
    }
  }
  causes.push(...validateChangeable(metadata));
  for (const finalizer of metadata.finalizers ?? []) {
    for (const why of qualifiedNameProblems(finalizer)) {
      causes.push(invalidValue('metadata.finalizers', finalizer, why));
    }
  }
  return causes;
}

/** What the API server looks at once more with each part of an update. */
function validateChangeable(metadata: ObjectMeta): Cause[] {
  const causes: Cause[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const why of qualifiedNameProblems(key)) {
      causes.push(invalidValue('metadata.labels', key, why));
    }
    for (const why of labelValueProblems(value)) {
      causes.push(invalidValue('metadata.labels', value, why));
    }
  }
  return [
    ...causes,
    ...validateAnnotations(metadata.annotations ?? {}),
    ...validateOwners(metadata),
  ];
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
    const shown = ownerReferences.map(({ apiVersion, kind, name, uid, controller, ...rest }) => {
      return { apiVersion, kind, name, uid, controller, ...rest };
    });
    causes.push(invalidValue(field, shown, why));
  }
  return causes;
}

function validateSpec(object: KubeObject, resource: Resource): Cause[] {
  switch (resource.storage) {
    case 'leases':
      return validateLease(object);
    case 'pods':
      return validatePod(object);
    case 'configmaps':
      return validateConfigMap(object);
    case 'services':
      return validateService(object);
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

function validateConfigMap(configMap: KubeObject): Cause[] {
  return ['data', 'binaryData'].flatMap((part) =>
    Object.keys(objectAt(configMap, part)).flatMap((key) =>
      configKeyProblems(key).map((why) => invalidValue(`${part}[${key}]`, key, why)),
    ),
  );
}

function validateService(service: KubeObject): Cause[] {
  const { ports, clusterIP } = objectAt(service, 'spec');
  if (!Array.isArray(ports) || ports.length === 0) {
    return clusterIP === 'None' ? [] : [required('spec.ports')];
  }
  return ports.flatMap((port: Json, index) =>
    ['port', 'targetPort'].flatMap((field) => {
      const number = port[field];
      if (typeof number !== 'number' || (number >= 1 && number <= 65_535)) return [];
      const why = 'must be between 1 and 65535, inclusive';
      return [invalidValue(`spec.ports[${String(index)}].${field}`, number, why)];
    }),
  );
}

function validateEvent(event: KubeObject, resource: Resource): Cause[] {
  const causes: Cause[] = [];
  const namespace = event.metadata.namespace ?? '';
  const involved = textAt(event, 'involvedObject', 'namespace');
  const isClusterScoped = involved === '' && namespace === 'default';
  if (resource.group === '' && involved !== namespace && !isClusterScoped) {
    const why = 'does not match event.namespace';
    causes.push(invalidValue('involvedObject.namespace', involved, why));
  }
  if (resource.group === '' && event.eventTime === undefined) return causes;
  if (resource.group === '') return causes;
  if (event.eventTime === undefined) causes.push(required('eventTime'));
  else {
    const controller = textAt(event, 'reportingComponent');
    if (controller === '') causes.push(required('reportingController'));
    for (const why of qualifiedNameProblems(controller)) {
      causes.push(invalidValue('reportingController', controller, why));
    }
    if (textAt(event, 'reportingInstance') === '') causes.push(required('reportingInstance'));
    if (textAt(event, 'action') === '') causes.push(required('action'));
    if (textAt(event, 'reason') === '') causes.push(required('reason'));
  }
  const type = textAt(event, 'type');
  if (type !== 'Normal' && type !== 'Warning') {
    causes.push(invalidValue('type', '', `has invalid value: ${type}`));
  }
  return causes;
}
