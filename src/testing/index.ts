export { ApiServer } from './api-server/api-server.ts';
export type { ApiServerOptions, ApiServerState, TokenSubject } from './api-server/api-server.ts';
export { ApiHandler } from './api-server/handler.ts';
export type { ApiHandlerOptions } from './api-server/handler.ts';
export type { InterruptionKind, InterruptionOptions } from './api-server/interruptions.ts';
export type { Served } from './api-server/listener.ts';
export type {
  ApiAnswer,
  ApiRequest,
  WatchAnswer,
  WatchSink,
  WholeAnswer,
} from './api-server/request.ts';
export { connectToServer } from './connect-to-server.ts';
export { TestCluster } from './test-cluster.ts';
export { TestProcess } from './test-process.ts';
export type { TestProcessOptions } from './test-process.ts';
