import { describe, expect, it } from 'vitest';
import { settingsForAudit } from './settings-for-audit.ts';

const with_ = (env: Record<string, string>, more: object = {}) => ({
  order: 1,
  settings: { gate: { approvals: 1, roles: ['admin'] }, target: { kind: 'docker', env, ...more } },
});

describe('settings in the audit trail', () => {
  it('carry what was, what is, and what differs', () => {
    const { before, after, changed } = settingsForAudit(with_({ LEVEL: 'low' }), with_({ LEVEL: 'high', NEW: '1' }));
    expect(before).toEqual(with_({ LEVEL: 'low' }));
    expect(after).toEqual(with_({ LEVEL: 'high', NEW: '1' }));
    expect(changed).toEqual(['settings.target.env.LEVEL', 'settings.target.env.NEW']);
    expect(settingsForAudit(with_({ A: '1' }), with_({ A: '1' })).changed).toEqual([]);
  });

  it.each([
    ['DB_PASSWORD', 'hunter2'],
    ['githubToken', 'ghp_x'],
    ['AWS_SECRET_ACCESS_KEY', 'x'],
    ['API_KEY', 'x'],
    ['DATABASE_URL', 'postgres://app:hunter2@db/app'],
  ])('A70 %s is masked, and that it changed is still said', (name, value) => {
    const audited = settingsForAudit(with_({ [name]: value }), with_({ [name]: `${value}2` }));
    expect(JSON.stringify(audited)).not.toMatch(/hunter2|ghp_x|"x/);
    expect(audited.changed).toEqual([`settings.target.env.${name}`]);
  });

  it('names of secrets and other fields stay readable', () => {
    const settings = with_({}, { secrets: ['DB_PASSWORD'], credential: 'ENGINE_KEY' });
    expect(settingsForAudit(settings, settings).after).toEqual(settings);
  });
});
