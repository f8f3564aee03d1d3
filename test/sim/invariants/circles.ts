import { Violation } from './violation.ts';

/** What somebody holds, and for what it waits before it gives anything back. */
export class Task {
  readonly name: string;
  readonly holds = new Set<string>();
  /** Whether this wait, if it waits, has been part of a circle at any moment. */
  wasInCircle = false;
  /** Its process is dead. */
  isOver = false;
  #waitsFor: string | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get waitsFor(): string | undefined {
    return this.isOver ? undefined : this.#waitsFor;
  }

  set waitsFor(lock: string | undefined) {
    this.#waitsFor = lock;
    this.wasInCircle = false;
  }
}

/** Who really waits for whom, as nobody in the world can see it: of locks that are held alone. */
export class Circles {
  readonly #tasks = new Set<Task>();

  add(task: Task): void {
    this.#tasks.add(task);
  }

  /** To be called at each step. */
  look(): void {
    // More than one where somebody does not know yet that it has lost the lock.
    const owners = new Map<string, Task[]>();
    for (const task of this.#tasks) {
      if (task.isOver) this.#tasks.delete(task);
      else for (const lock of task.holds) owners.set(lock, [...(owners.get(lock) ?? []), task]);
    }
    for (const task of this.#tasks) {
      const ahead = new Set<Task>(owners.get(task.waitsFor ?? ''));
      for (const { waitsFor } of ahead) {
        for (const owner of owners.get(waitsFor ?? '') ?? []) ahead.add(owner);
      }
      if (ahead.has(task)) task.wasInCircle = true;
    }
  }

  /** @throws Violation `refused` when it was not in a deadlock */
  refused(task: Task): void {
    this.look();
    if (task.wasInCircle) return;
    throw new Violation(
      'refused',
      `${textOf(task)}, was in no circle, and was refused for one; beside it ${[...this.#tasks].map(textOf).join('; ')}`,
    );
  }
}

function textOf({ name, holds, waitsFor }: Task): string {
  return `${name} holds ${[...holds].join(', ') || 'nothing'} and waits for ${waitsFor ?? 'nothing'}`;
}
