import { over, standsInRecord, tidy } from './release.ts';
import { Answer, Step } from './state.ts';
import type { State } from './state.ts';

/** What a process makes of the answer to its request, or of its not coming. */
export function isAnswered(state: State, p: number, answer: Answer): void {
  const process = state.process(p);
  const isDone = answer === Answer.Done;
  process.request.clear();
  switch (process.step) {
    case Step.Creating:
      if (isDone) {
        // The answer carries the version in which the creator first sees itself.
        process.step = Step.Created;
        process.fence = state.version;
        return;
      }
      if (answer === Answer.Unknown) process.doubtful = 1;
      process.step = Step.Looking;
      return;
    case Step.Joining:
      if (answer === Answer.Unknown) process.doubtful = 1;
      process.step = Step.Looking;
      return;
    case Step.Settling:
    case Step.Withdrawing:
      process.step = Step.Looking;
      return;
    case Step.Cancelling:
      // The answer carries the record: granted meanwhile?
      if (isDone && !standsInRecord(state, p)) over(state, p);
      else process.step = Step.ReleaseLooking;
      return;
    case Step.Releasing:
      if (isDone) over(state, p);
      else process.step = Step.ReleaseLooking;
      return;
    case Step.PatchingOut:
      if (isDone) tidy(state, p);
      else process.step = Step.ReleaseLooking;
      return;
    case Step.Deleting:
      over(state, p);
      return;
    default:
      throw new Error('nothing was asked');
  }
}
