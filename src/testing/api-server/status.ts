/** Why a request was refused, field by field. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  /** Sent as the header Retry-After, too. */
  readonly retryAfterSeconds?: number;
}

/** What the API server answers instead of an object. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** A refusal, as the answer that it becomes. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly status: Status;

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    details?: Readonly<StatusDetails>,
  ) {
    super(message);
    this.code = code;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

/** The names of a resource, as messages and details give them. */
export interface ResourceNames {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

function details(names: ResourceNames, name: string, kind = names.plural): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(names.group === '' ? {} : { group: names.group }),
    ...(kind === '' ? {} : { kind }),
  };
}

function qualified(names: ResourceNames, of: 'plural' | 'kind' = 'plural'): string {
  return names.group === '' ? names[of] : `${names[of]}.${names.group}`;
}

export function notFound(names: ResourceNames, name: string): StatusError {
  return new StatusError(
    404,
    'NotFound',
    `${qualified(names)} "${name}" not found`,
    details(names, name),
  );
}

export function alreadyExists(
  names: ResourceNames,
  name: string,
  isBeingDeleted = false,
): StatusError {
  const prefix = isBeingDeleted ? 'object is being deleted: ' : '';
  const message = `${prefix}${qualified(names)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, details(names, name));
}

/** A condition of a write did not hold. */
export function conflict(
  names: ResourceNames,
  name: string,
  why: string,
  of: 'plural' | 'kind' = 'plural',
): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(names, of)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, details(names, name, names[of]));
}

export function modified(names: ResourceNames, name: string): StatusError {
  const why =
    'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(names, name, why);
}

export function forbidden(
  names: ResourceNames,
  name: string,
  why: string,
  causes?: readonly Cause[],
): StatusError {
  return new StatusError(403, 'Forbidden', `${qualified(names)} "${name}" is forbidden: ${why}`, {
    ...details(names, name),
    ...(causes ? { causes } : {}),
  });
}

export function invalid(
  names: ResourceNames,
  name: string,
  causes: readonly Cause[],
  of: 'plural' | 'kind' = 'kind',
): StatusError {
  const told = [...new Set(causes.map(({ field, message }) => `${field ?? ''}: ${message}`))];
  const why = told.length === 1 ? (told[0] ?? '') : `[${told.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${qualified(names, of)} "${name}" is invalid: ${why}`, {
    ...details(names, name, names[of]),
    causes,
  });
}

/** A patch whose result is no such object: the message holds the whole of it. */
export function invalidPatch(value: string, why: string): StatusError {
  const message = `Invalid value: ${JSON.stringify(value)}: ${why}`;
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function unknownResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, {});
}

/** A version that a watch or a list begins at is no longer, or not in full, known. */
export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

export function versionTooLarge(asked: number, current: number): StatusError {
  return new StatusError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${String(asked)}, current: ${String(current)}`,
    {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  );
}

export function invalidListOptions(field: string, reason: string, message: string): StatusError {
  const names = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' };
  return invalid(names, '', [{ reason, message, field }]);
}

/** What the answer to the deletion of an object says. */
export function deleted(names: ResourceNames, name: string, uid: string): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...details(names, name), uid },
  };
}
