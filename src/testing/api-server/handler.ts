import type { Clock, Random } from '../../core/clock.ts';
import { apply, APPLY_PATCH } from './apply.ts';
import { readBody } from './body.ts';
import type { Context } from './context.ts';
import { Controllers } from './controllers.ts';
import { create } from './create.ts';
import { remove } from './deletion.ts';
import { discover } from './discovery.ts';
import type { KubeObject } from './object.ts';
import { checkTimeout, deleteOptions, listOptions, patchOptions, writeOptions } from './options.ts';
import { openApi } from './openapi.ts';
import { patch } from './patching.ts';
import { list, parseVersion } from './lists.ts';
import { PROTOBUF, protobufToJson } from './protobuf.ts';
import { negotiate, represent, representList, rowObject } from './representation.ts';
import type { Representation } from './representation.ts';
import type { ApiAnswer, ApiRequest, Call, Result, WatchAnswer } from './request.ts';
import { review } from './reviews.ts';
import { findRoute } from './route.ts';
import type { Route } from './route.ts';
import { select } from './selection.ts';
import {
  deleted,
  invalidListOptions,
  methodNotAllowed,
  notFound,
  StatusError,
  unauthorized,
  unknownResource,
  versionTooLarge,
} from './status.ts';
import { Store } from './store.ts';
import type { StoreState } from './store.ts';
import { Tokens } from './tokens.ts';
import type { UserInfo } from './tokens.ts';
import { replace, routeKey } from './update.ts';
import { prepareWatch } from './watches.ts';
import { WatchHub } from './watch-hub.ts';

/** So many changes at least can be watched from the past, or listed as they were. */
const DEFAULT_HISTORY = 10_000;

export interface ApiHandlerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Signs tokens; whoever has it can make them. */
  readonly tokenKey: string;
  /** What another handler has left. */
  readonly state?: StoreState | undefined;
  /** So many changes are kept at least; 10,000 by default. Older versions answer 410. */
  readonly history?: number | undefined;
}

/**
 * The API server without its sockets: a request in, its answer out, at once. Time and chance are
 * passed in, so that the same requests always have the same answers.
 */
export class ApiHandler {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly #context: Context;
  readonly #hub: WatchHub;
  readonly #controllers: Controllers;

  constructor(options: ApiHandlerOptions) {
    const { clock, random, state, history = DEFAULT_HISTORY } = options;
    this.store = new Store(history, state);
    this.tokens = new Tokens(options.tokenKey);
    this.#context = { store: this.store, clock, random };
    this.#hub = new WatchHub(this.store);
    this.#controllers = new Controllers(this.#context);
    this.#controllers.start();
  }

  /** Stops what happens by itself: garbage collection and the end of namespaces. */
  close(): void {
    this.#controllers.stop();
  }

  /** How many watches are open. */
  get watches(): number {
    return this.#hub.count;
  }

  /** Who sends the request; undefined when its token is not known. */
  authenticate(request: ApiRequest): UserInfo | undefined {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    return this.tokens.userOf(token, this.#context.clock.wall(), (namespace, name, uid) => {
      const pod = this.store.get('pods', `${namespace}/${name}`);
      return pod?.metadata.uid === uid;
    });
  }

  /** @param user - the sender, where that is known without a token */
  handle(request: ApiRequest, user = this.authenticate(request)): ApiAnswer {
    try {
      return this.#answer(request, user);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return this.#whole(
        { status: error.code, body: error.status },
        error.status.details?.retryAfterSeconds,
      );
    }
  }

  #answer(request: ApiRequest, user: UserInfo | undefined): ApiAnswer {
    if (!user) throw unauthorized();
    const call = callOf(request, user);
    const found = discover(call) ?? openApi(call) ?? review(this.#context, this.tokens, call);
    if (found) return this.#whole(found);
    const route = findRoute(call.path);
    if (route === undefined) {
      return this.#whole({ status: 404, body: '404 page not found\n' });
    }
    if (route === 'unknown') throw unknownResource();
    return this.#route(call, route);
  }

  #route(call: Call, route: Route): ApiAnswer {
    const { method, query } = call;
    const { resource, name } = route;
    const representation = (): Representation => {
      const form = negotiate(call.headers.accept);
      return { resource, form, rowObject: rowObject(query, form) };
    };
    if (method === 'GET') {
      const isWatch = route.watch || (name === undefined && listOptions(query).watch);
      if (isWatch) return this.#watch(call, route, representation());
      checkTimeout(query);
      return this.#whole(
        name === undefined
          ? this.#list(call, route, representation())
          : this.#get(call, route, representation()),
      );
    }
    const isAllowed =
      name === undefined
        ? (method === 'POST' && (!resource.namespaced || route.namespace !== undefined)) ||
          (method === 'DELETE' && resource.deletesCollection)
        : ['PUT', 'PATCH'].includes(method) ||
          (method === 'DELETE' && route.subresource === undefined);
    if (!isAllowed) throw methodNotAllowed();
    const as = representation();
    checkTimeout(query);
    switch (method) {
      case 'POST':
        return this.#whole(this.#create(call, route, as));
      case 'PUT':
        return this.#whole(this.#replace(call, route, as));
      case 'PATCH':
        return this.#whole(this.#patch(call, route, as));
      default:
        return this.#whole(
          name === undefined ? this.#deleteAll(call, route, as) : this.#delete(call, route, as),
        );
    }
  }

  #get({ query }: Call, route: Route, as: Representation): Result {
    const asked = parseVersion(
      query.get('resourceVersion') ?? '',
      (why) => new StatusError(500, undefined, why),
    );
    if (asked > this.store.revision) throw versionTooLarge(asked, this.store.revision);
    return { status: 200, body: this.#shown(this.#existing(route), as) };
  }

  #list({ query }: Call, route: Route, as: Representation): Result {
    const options = listOptions(query);
    const selection = select(route.resource, route.namespace, undefined, options);
    const part = list(this.#context, selection, options);
    return { status: 200, body: representList(part, as, this.#context.clock.wall()) };
  }

  #watch({ query }: Call, route: Route, as: Representation): WatchAnswer {
    const options = listOptions(query);
    const { resource, namespace, name } = route;
    const selection = select(resource, namespace, name, options);
    if (options.sendInitialEvents === undefined && options.resourceVersionMatch !== '') {
      const why =
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
      throw invalidListOptions('resourceVersionMatch', 'FieldValueForbidden', `Forbidden: ${why}`);
    }
    const open = prepareWatch(this.#context, this.#hub, { selection, options, as });
    return { status: 200, headers: this.#headers('application/json'), open };
  }

  #create(call: Call, { resource, namespace }: Route, as: Representation): Result {
    const options = writeOptions(call.query, 'CreateOptions', call.headers['user-agent'] ?? '');
    const { 'content-type': type } = call.headers;
    const sent = readBody(call.body, type, resource, options.fieldValidation);
    const object = create(this.#context, resource, namespace, sent.object, options);
    return { status: 201, body: this.#shown(object, as), warnings: sent.warnings };
  }

  #replace(call: Call, route: Route, as: Representation): Result {
    const options = writeOptions(call.query, 'UpdateOptions', call.headers['user-agent'] ?? '');
    const { 'content-type': type } = call.headers;
    const sent = readBody(call.body, type, route.resource, options.fieldValidation);
    const { object, created } = replace(this.#context, route, sent.object, options);
    return {
      status: created ? 201 : 200,
      body: this.#shown(object, as),
      warnings: sent.warnings,
    };
  }

  #patch(call: Call, route: Route, as: Representation): Result {
    const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
    const agent = call.headers['user-agent'] ?? '';
    const options = patchOptions(call.query, agent, type === APPLY_PATCH);
    if (type === APPLY_PATCH) {
      const { object, created } = apply(this.#context, route, call.body, options);
      return { status: created ? 201 : 200, body: this.#shown(object, as) };
    }
    const { object, warnings } = patch(this.#context, route, call.body, type, options);
    return { status: 200, body: this.#shown(object, as), warnings };
  }

  #delete(call: Call, route: Route, as: Representation): Result {
    const options = deleteOptions(call.query, call.body);
    const { resource, name = '' } = route;
    const existing = this.#existing(route);
    const { object, gone } = remove(this.#context, resource, existing, options);
    const isObject = !gone || resource.returnsDeleted;
    return {
      status: 200,
      body: isObject
        ? this.#shown(object, as)
        : deleted(resource, name, existing.metadata.uid ?? ''),
    };
  }

  #deleteAll(call: Call, route: Route, as: Representation): Result {
    const options = deleteOptions(call.query, call.body);
    const asked = listOptions(call.query);
    const selection = select(route.resource, route.namespace, undefined, asked);
    const part = list(this.#context, selection, asked);
    for (const object of part.objects) remove(this.#context, route.resource, object, options);
    return { status: 200, body: representList(part, as, this.#context.clock.wall()) };
  }

  #existing(route: Route): KubeObject {
    const { resource, name = '' } = route;
    const existing = this.store.get(resource.storage, routeKey(route));
    if (!existing) throw notFound(resource, name);
    return existing;
  }

  #shown(object: KubeObject, as: Representation): object {
    return represent(object, as, this.#context.clock.wall());
  }

  /** @param retryAfter - seconds after which the client may try again */
  #whole({ status, body, type, warnings = [] }: Result, retryAfter?: number): ApiAnswer {
    const isText = typeof body === 'string';
    const text = isText ? body : `${JSON.stringify(body)}\n`;
    const usual = isText ? 'text/plain; charset=utf-8' : 'application/json';
    return {
      status,
      headers: {
        ...this.#headers(type ?? usual),
        'content-length': String(Buffer.byteLength(text)),
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
        ...(warnings.length === 0
          ? {}
          : { warning: warnings.map((warning) => `299 - ${JSON.stringify(warning)}`) }),
      },
      body: text,
    };
  }

  #headers(type: string): Record<string, string> {
    return {
      'cache-control': 'no-cache, private',
      'content-type': type,
      date: new Date(this.#context.clock.wall()).toUTCString(),
    };
  }
}

function callOf(request: ApiRequest, user: UserInfo): Call {
  const { method, body = '' } = request;
  const url = new URL(request.url, 'https://localhost');
  const isProtobuf = request.headers['content-type'] === PROTOBUF;
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: isProtobuf
      ? { ...request.headers, 'content-type': 'application/json' }
      : request.headers,
    body: isProtobuf ? protobufToJson(Buffer.from(body)) : body.toString(),
    user,
  };
}
