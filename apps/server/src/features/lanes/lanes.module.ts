import { Module } from '@nestjs/common';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { AuditModule } from '../audit/index.ts';
import { CatalogModule } from '../catalog/index.ts';
import { RunsModule } from '../runs/index.ts';
import { DecideGate } from './decide-gate.ts';
import { LaneStore } from './lane-store.ts';
import { LanesController } from './lanes.controller.ts';
import { OfferRelease } from './offer-release.ts';
import { ReadApprovals } from './read-approvals.ts';
import { ReadContributors } from './read-contributors.ts';
import { ReadDeployment } from './read-deployment.ts';
import { RebindLanes } from './rebind-lanes.ts';

@Module({
  imports: [AuditModule, CatalogModule, RunsModule],
  controllers: [LanesController],
  providers: [LaneStore, OfferRelease, RebindLanes, ReadContributors, DecideGate, ReadApprovals, ReadDeployment],
  exports: [LaneStore],
})
export class LanesModule {
  constructor(handlers: OutboxHandlers, offer: OfferRelease, rebind: RebindLanes) {
    handlers.on('offer-release', (message) => offer.offer(message));
    handlers.on('advance-release', (message) => offer.advance(message));
    handlers.on('withdraw-release', (message) => offer.withdraw(message));
    handlers.on('rebind-lanes', (message) => rebind.rebind(message));
  }
}
