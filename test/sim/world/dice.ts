import type { Random } from '../../../src/core/clock.ts';

/** Choices from one source of numbers. */
export class Dice {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** A whole number from 0 to `most`, which is excluded. */
  below(most: number): number {
    return Math.floor(this.random() * most);
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  /** From 0 to `most`, the smaller ones more often. */
  mostlyShort(most: number): number {
    return this.random() ** 3 * most;
  }

  pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.below(choices.length)];
  }

  /** One of them, each as often as its weight says. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T | undefined {
    let left = this.random() * choices.reduce((sum, { weight }) => sum + weight, 0);
    return choices.find(({ weight }) => (left -= weight) < 0);
  }
}
