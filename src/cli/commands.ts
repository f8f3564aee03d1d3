import type { Command } from 'commander';
import { addDescribeCommand } from './describe.ts';
import { addDevCommand } from './dev.ts';
import { addDoctorCommand } from './doctor.ts';
import { addElectCommand } from './elect.ts';
import { addExecCommand } from './exec.ts';
import { addLsCommand } from './ls.ts';
import { addOperatorCommand } from './operator.ts';
import { addReleaseCommand } from './release.ts';
import { addResignCommand } from './resign.ts';
import { addResizeCommand } from './resize.ts';
import { addRevokeCommand } from './revoke.ts';
import { addRunCommand } from './run.ts';
import { addWatchCommand } from './watch.ts';

// Nothing that takes time to load is imported before a command needs it: `--help` is to be fast.

/** All commands, in the order in which `--help` lists them. */
export function addCommands(program: Command): void {
  addExecCommand(program);
  addElectCommand(program);
  addRunCommand(program);
  addLsCommand(program);
  addDescribeCommand(program);
  addWatchCommand(program);
  addReleaseCommand(program);
  addRevokeCommand(program);
  addResignCommand(program);
  addResizeCommand(program);
  addDoctorCommand(program);
  addOperatorCommand(program);
  addDevCommand(program);
}
