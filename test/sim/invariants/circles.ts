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
    const owners = new Map<string, Task>();
    for (const task of this.#tasks) {
      if (task.isOver) this.#tasks.delete(task);
      else for (const lock of task.holds) owners.set(lock, task);
    }
    for (const task of this.#tasks) {
      let next: Task | undefined = task;
      for (let steps = 0; next && steps <= this.#tasks.size; steps += 1) {
        next = next.waitsFor === undefined ? undefined : owners.get(next.waitsFor);
        if (next !== task) continue;
        task.wasInCircle = true;
        break;
      }
    }
  }

  /** @throws Violation `refused` when it was not in a deadlock */
  refused(task: Task): void {
    this.look();
    if (task.wasInCircle) return;
    throw new Violation(
      'refused',
      `${task.name} waited for ${String(task.waitsFor)} with ${[...task.holds].join(', ')}, was in no circle, and was refused for one`,
    );
  }
}
