import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Repository } from '../api/shapes.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { Select } from '../ui/select.tsx';
import { TextField } from '../ui/text-field.tsx';
import { forges, isForge } from './forges.ts';
import { slugFrom } from './slug-from.ts';

const NEW = '';

export function ConnectRepository(props: {
  /** Those that I may connect one for. */
  teams: readonly { slug: string; title: string }[];
  mayMakeTeam: boolean;
  team: string | null;
  onTeam: (team: string) => void;
  onConnected: (made: { repository: Repository; hookSecret: string }) => void;
}) {
  const client = useQueryClient();
  const [teamTitle, setTeamTitle] = useState('');
  const [newTeam, setNewTeam] = useState(false);
  const [url, setUrl] = useState('');
  const [kind, setKind] = useState<Repository['kind']>('github');
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
        // Who makes a team is its admin.
        void client.invalidateQueries({ queryKey: queries.me().queryKey });
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
            {props.mayMakeTeam && <option value={NEW}>New team</option>}
          </Select>
        </div>
      )}
      {needsTeam && (
        <TextField
          id="team-title"
          label="Name of the team that owns it"
          required
          maxLength={100}
          value={teamTitle}
          onValue={setTeamTitle}
        />
      )}
      <TextField
        id="repository-url"
        label="Address of the repository"
        mono
        required
        placeholder="https://github.com/example/shop.git"
        value={url}
        onValue={setUrl}
      />
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
            onChange={(value) => isForge(value) && setKind(value)}
          >
            {Object.entries(forges).map(([value, { name }]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        </div>
        <TextField id="repository-branch" label="Default branch" mono required value={branch} onValue={setBranch} />
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
          <TextField
            id="credential-user"
            label="User name"
            required
            autoComplete="off"
            value={username}
            onValue={setUsername}
          />
          <TextField
            id="credential-token"
            label="Token"
            type="password"
            required
            autoComplete="off"
            value={password}
            onValue={setPassword}
          />
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
