/** What `leasehold run` becomes: see run.ts. */
import { superviseCommand } from './application.ts';
import { NODE_OPTIONS_OF_COMMAND } from './run.ts';

const { [NODE_OPTIONS_OF_COMMAND]: options, ...environment } = process.env;
if (options !== undefined) environment.NODE_OPTIONS = options;
const words = process.argv.slice(2);
process.title = ['leasehold run --', ...words].join(' ');
process.exitCode = await superviseCommand(words, environment);
process.exit();
