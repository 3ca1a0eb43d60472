import { SystemClock, UuidV7 } from '../../../platform/clock/system-clock.ts';
import { json } from '../../../platform/db/database.ts';
import type { TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { Outbox } from '../../../platform/outbox/outbox.ts';
import { OutboxSignal } from '../../../platform/outbox/outbox-signal.ts';
import { PipelineRows } from '../../../testing/pipeline-rows.ts';
import { LaneStore } from '../../lanes/index.ts';
import { DeploymentClaims } from '../deployment-claims.ts';
import { DeploymentRecord } from '../deployment-record.ts';
import { DockerTarget } from '../docker/docker-target.ts';
import { DriveDeployment } from '../drive-deployment.ts';
import { DriveSettings } from '../drive-settings.ts';
import { ResumeDeployments } from '../resume-deployments.ts';
import { RunningDrives } from '../running-drives.ts';
import { TargetSecrets } from '../target-secrets.port.ts';
import type { Target } from '../target.port.ts';
import { Targets } from '../targets.ts';

export class FixedTargetSecrets extends TargetSecrets {
  readonly values = new Map<string, string>();
  override environmentSecrets({ names }: { readonly names: readonly string[] }) {
    const values = names.flatMap((name) => (this.values.has(name) ? [{ name, value: this.values.get(name)! }] : []));
    return Promise.resolve({ values, missing: names.filter((name) => !this.values.has(name)) });
  }
  override registryCredential() {
    return Promise.resolve(null);
  }
}

/** Driving as one server process has it. */
export interface Replica {
  readonly drive: DriveDeployment;
  readonly drives: RunningDrives;
  readonly resume: ResumeDeployments;
}

export interface TestLane {
  readonly teamId: string;
  readonly service: string;
  readonly serviceId: string;
  readonly environmentId: string;
  readonly repositoryId: string;
}

/** Lanes and deployments on a real database, without the runs before them. */
export class DeploymentBench {
  readonly ids = new UuidV7();
  readonly clock = new SystemClock();
  readonly secrets = new FixedTargetSecrets();
  readonly #database: TestDatabase;
  readonly #rows: PipelineRows;
  readonly #outbox = new Outbox(new OutboxSignal());
  readonly #lanes: LaneStore;
  #run = 0;
  constructor(database: TestDatabase) {
    this.#database = database;
    this.#rows = new PipelineRows(database);
    this.#lanes = new LaneStore(this.clock, this.ids, this.#outbox);
  }

  replica(settings: Partial<DriveSettings> = {}, target: Target = new DockerTarget(this.clock)): Replica {
    const { db, transactions } = this.#database;
    const drive = new DriveSettings(settings);
    const claims = new DeploymentClaims(db, drive, this.ids);
    const record = new DeploymentRecord(db, transactions, this.#outbox, this.#lanes, this.clock);
    const driver = new DriveDeployment(claims, record, new Targets([target]), this.secrets, this.clock, drive);
    const drives = new RunningDrives(driver);
    return { drive: driver, drives, resume: new ResumeDeployments(claims, drives, drive) };
  }

  async lane(service: string, target: object): Promise<TestLane> {
    const { teamId, serviceId, repositoryId } = await this.#rows.team(service);
    const environmentId = this.ids.next();
    const { db } = this.#database;
    await db
      .insertInto('environments')
      .values({
        id: environmentId,
        team_id: teamId,
        name: 'staging',
        settings: json({ target }),
        settings_hash: 'hash',
      })
      .execute();
    return { teamId, service, serviceId, environmentId, repositoryId };
  }

  async retarget(lane: TestLane, target: object): Promise<void> {
    await this.#database.db
      .updateTable('environments')
      .set({ settings: json({ target }) })
      .where('id', '=', lane.environmentId)
      .execute();
  }

  /** Offers a release to the lane; its gate is open, so the deployment runs at once. */
  async deploy(lane: TestLane, repository: string, digest: string): Promise<string> {
    const { db, transactions } = this.#database;
    const [runId, releaseId, deploymentId] = [this.ids.next(), this.ids.next(), this.ids.next()];
    const number = (this.#run += 1);
    const commit = number.toString(16).padStart(40, 'a');
    const common = { team_id: lane.teamId, service_id: lane.serviceId };
    await db
      .insertInto('runs')
      .values({
        id: runId,
        ...common,
        number,
        status: 'running',
        version: 1,
        ref: 'refs/heads/main',
        commit,
        trust: 'trusted',
        dedupe_key: null,
        definition: '{}',
        plan_hash: 'plan',
        state: '{}',
        release_id: null,
        created_at: '2026-01-01T00:00:00Z',
      })
      .execute();
    const evidence = json({ image: { repository, digest }, tests: null, by: [] });
    await db
      .insertInto('releases')
      .values({
        id: releaseId,
        ...common,
        run_id: runId,
        run_number: number,
        commit,
        repository,
        digest,
        plan_hash: 'plan',
        route: json(['staging']),
        evidence,
      })
      .execute();
    const environment = await db
      .selectFrom('environments')
      .selectAll()
      .where('id', '=', lane.environmentId)
      .executeTakeFirstOrThrow();
    await transactions.run(async (unit) => {
      const settings = { gate: { approvals: 0, roles: [], noSelfApproval: true }, settingsHash: 'hash' };
      const opening = {
        type: 'open-lane',
        laneId: this.ids.next(),
        teamId: lane.teamId,
        serviceId: lane.serviceId,
        environment: 'staging',
        settings,
      } as const;
      const laneId = await this.#lanes.open(unit, opening, lane.environmentId);
      const release = { releaseId, runId, runNumber: number, commit, image: { repository, digest }, planHash: 'plan' };
      const requestedBy = { kind: 'system', name: 'Sluice' } as const;
      const row = { laneId, environmentId: lane.environmentId, settings: environment.settings };
      await this.#lanes.apply(unit, row, { type: 'offer', deploymentId, release, binding: 'binding', requestedBy });
    });
    return deploymentId;
  }

  async row(deploymentId: string) {
    return this.#database.db
      .selectFrom('deployments')
      .selectAll()
      .where('id', '=', deploymentId)
      .executeTakeFirstOrThrow();
  }

  async drive(
    deploymentId: string,
    replica: Replica = this.replica(),
  ): Promise<Awaited<ReturnType<DeploymentBench['row']>>> {
    await replica.drive.drive(deploymentId, new AbortController().signal);
    return this.row(deploymentId);
  }
}
