import { createHash } from 'node:crypto';
import type { GateRule, LaneSettings } from '@sluice/engine';
import { environmentSettings } from '@sluice/protocol';

/** The lane's view of an environment's settings; `settings_hash` covers all of them, target included. */
export function laneSettings(row: { settings: Record<string, unknown>; settings_hash: string }): LaneSettings {
  const gate: GateRule = environmentSettings.shape.gate.parse(row.settings['gate']);
  const supersede = environmentSettings.shape.supersede.parse(row.settings['supersede']);
  return { gate, ...(supersede === undefined ? {} : { supersede }), settingsHash: row.settings_hash };
}

/** SHA-256 of digest, plan and settings: what an approval is bound to (I15, I17). */
export function bindingOf(release: { digest: string; planHash: string }, settingsHash: string): string {
  return createHash('sha256').update([release.digest, release.planHash, settingsHash].join('\n')).digest('hex');
}
