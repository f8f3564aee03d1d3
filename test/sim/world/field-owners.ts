import type { Lease, ManagedFields } from '../../../src/core/lease.ts';

/** Who last changed each field, and when: `metadata.managedFields`, by the server's clock. */
export class FieldOwners {
  readonly #owners = new Map<string, string>();
  readonly #times = new Map<string, number>();

  wrote(before: Lease, after: Lease, created: boolean, by: string, wall: number): void {
    const old = created ? new Map<string, string>() : fields(before);
    const next = fields(after);
    for (const path of old.keys()) if (!next.has(path)) this.#owners.delete(path);
    for (const [path, value] of next) if (old.get(path) !== value) this.#owners.set(path, by);
    this.#times.set(by, wall);
  }

  list(): ManagedFields[] {
    const managers = new Map<string, Record<string, Record<string, unknown>>>();
    for (const [path, manager] of this.#owners) {
      const [group = '', ...rest] = path.split(':');
      const groups = managers.get(manager) ?? {};
      (groups[`f:${group}`] ??= {})[`f:${rest.join(':')}`] = {};
      managers.set(manager, groups);
    }
    return [...managers].map(([manager, fieldsV1]) => ({
      manager,
      operation: 'Update',
      time: new Date(this.#times.get(manager) ?? 0).toISOString().replace(/\.\d+Z/, 'Z'),
      fieldsV1,
    }));
  }
}

function fields(lease: Lease): Map<string, string> {
  const found = new Map<string, string>();
  const take = (group: string, values: object | undefined): void => {
    for (const [key, value] of Object.entries(values ?? {})) {
      if (value !== undefined && value !== null) found.set(`${group}:${key}`, String(value));
    }
  };
  take('spec', lease.spec);
  take('labels', lease.metadata.labels);
  take('annotations', lease.metadata.annotations);
  return found;
}
