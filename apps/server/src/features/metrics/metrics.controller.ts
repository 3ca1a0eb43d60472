import { Controller, Get, Header, Headers } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { Access } from '../../platform/http/access.ts';
import { sameText } from '../../platform/http/bearer-tokens.ts';
import { notFound, Problem } from '../../platform/http/problem.ts';
import { PoolLoads } from '../catalog/index.ts';
import { metricsText } from './metrics-text.ts';

/** Figures for Prometheus. Not there at all until the operator sets a token for it (A82). */
@Access('public')
@Controller()
export class MetricsController {
  readonly #token: string | undefined;
  readonly #loads: PoolLoads;
  constructor(config: Config, loads: PoolLoads) {
    this.#token = config.metricsToken;
    this.#loads = loads;
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async read(@Headers('authorization') authorization = ''): Promise<string> {
    if (this.#token === undefined) throw notFound('This page');
    if (!sameText(authorization, `Bearer ${this.#token}`))
      throw new Problem(401, 'unauthorized', 'Send the value of SLUICE_METRICS_TOKEN as a bearer token.');
    return metricsText(await this.#loads.all());
  }
}
