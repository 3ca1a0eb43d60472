import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Repository } from '../api/shapes.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { Select } from '../ui/select.tsx';
import { slugFrom } from './slug-from.ts';

const NEW = '';

export function ConnectRepository(props: {
  teams: readonly { slug: string; title: string }[];
  team: string | null;
  onTeam: (team: string) => void;
  onConnected: (made: { repository: Repository; hookSecret: string }) => void;
}) {
  const client = useQueryClient();
  const [teamTitle, setTeamTitle] = useState('');
  const [newTeam, setNewTeam] = useState(false);
  const [url, setUrl] = useState('');
  const [kind, setKind] = useState<'github' | 'git'>('github');
  const [branch, setBranch] = useState('main');
  const [isPrivate, setPrivate] = useState(false);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const needsTeam = props.team === null || newTeam;
  const connect = useMutation({
    mutationFn: async () => {
      let { team } = props;
      if (team === null || newTeam) {
        team = (await api.catalog.createTeam({ slug: slugFrom(teamTitle), title: teamTitle.trim() })).slug;
        setNewTeam(false);
        props.onTeam(team);
        void client.invalidateQueries({ queryKey: queries.teams().queryKey });
      }
      return api.catalog.connectRepository({
        team,
        url: url.trim(),
        kind,
        defaultBranch: branch,
        ...(isPrivate ? { credential: { username, password } } : {}),
      });
    },
    onSuccess: props.onConnected,
  });
  return (
    <form
      className="grid max-w-[560px] gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        connect.mutate();
      }}
    >
      {props.teams.length > 0 && (
        <div>
          <label htmlFor="team" className="mb-1 block font-medium">
            Team
          </label>
          <Select
            id="team"
            label="Team"
            className="select-field w-full"
            value={newTeam ? NEW : (props.team ?? NEW)}
            onChange={(value) => (value === NEW ? setNewTeam(true) : (setNewTeam(false), props.onTeam(value)))}
          >
            {props.teams.map(({ slug, title }) => (
              <option key={slug} value={slug}>
                {title}
              </option>
            ))}
            <option value={NEW}>New team</option>
          </Select>
        </div>
      )}
      {needsTeam && (
        <div>
          <label htmlFor="team-title" className="mb-1 block font-medium">
            Name of the team that owns it
          </label>
          <input
            id="team-title"
            className="field"
            required
            maxLength={100}
            value={teamTitle}
            onChange={(event) => setTeamTitle(event.target.value)}
          />
        </div>
      )}
      <div>
        <label htmlFor="repository-url" className="mb-1 block font-medium">
          Address of the repository
        </label>
        <input
          id="repository-url"
          className="field mono"
          required
          placeholder="https://github.com/example/shop.git"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />
      </div>
      <div className="grid grid-cols-2 gap-3">
        <div>
          <label htmlFor="repository-kind" className="mb-1 block font-medium">
            Git host
          </label>
          <Select
            id="repository-kind"
            label="Git host"
            className="select-field w-full"
            value={kind}
            onChange={(value) => setKind(value === 'git' ? 'git' : 'github')}
          >
            <option value="github">GitHub</option>
            <option value="git">Plain git</option>
          </Select>
        </div>
        <div>
          <label htmlFor="repository-branch" className="mb-1 block font-medium">
            Default branch
          </label>
          <input
            id="repository-branch"
            className="field mono"
            required
            value={branch}
            onChange={(event) => setBranch(event.target.value)}
          />
        </div>
      </div>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="size-4"
          checked={isPrivate}
          onChange={(event) => setPrivate(event.target.checked)}
        />
        It is private: reading it needs a user name and a token
      </label>
      {isPrivate && (
        <div className="grid grid-cols-2 gap-3">
          <div>
            <label htmlFor="credential-user" className="mb-1 block font-medium">
              User name
            </label>
            <input
              id="credential-user"
              className="field"
              required
              autoComplete="off"
              value={username}
              onChange={(event) => setUsername(event.target.value)}
            />
          </div>
          <div>
            <label htmlFor="credential-token" className="mb-1 block font-medium">
              Token
            </label>
            <input
              id="credential-token"
              className="field"
              type="password"
              required
              autoComplete="off"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </div>
        </div>
      )}
      {connect.isError && <ErrorBar>{problemSentence(connect.error, 'connect the repository')}</ErrorBar>}
      <button
        type="submit"
        className="btn btn-ink justify-self-start max-md:justify-self-stretch"
        disabled={connect.isPending}
      >
        Connect
      </button>
    </form>
  );
}
