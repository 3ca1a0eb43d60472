import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import type { Repository } from '../api/shapes.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { TextField } from '../ui/text-field.tsx';
import { slugFrom } from './slug-from.ts';

/** A repository may hold many services; each is a folder with a sluice.yaml. */
export function RegisterService({
  repository,
  onRegistered,
}: {
  repository: Repository;
  onRegistered: (slug: string) => void;
}) {
  const [slug, setSlug] = useState(() => slugFrom((repository.url.split('/').at(-1) ?? '').replace(/\.git$/, '')));
  const [path, setPath] = useState('.');
  const register = useMutation({
    mutationFn: () => api.catalog.registerService({ team: repository.team, slug, repositoryId: repository.id, path }),
    onSuccess: (service) => onRegistered(service.slug),
  });
  return (
    <form
      className="grid max-w-[560px] gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        register.mutate();
      }}
    >
      <div className="grid grid-cols-2 gap-3">
        <TextField
          id="service-slug"
          label="Name of the service"
          mono
          required
          pattern="[a-z0-9][a-z0-9_\-]{0,62}"
          title="a-z, 0-9, - and _"
          value={slug}
          onValue={setSlug}
        />
        <TextField id="service-path" label="Folder with sluice.yaml" mono required value={path} onValue={setPath} />
      </div>
      {register.isError && <ErrorBar>{problemSentence(register.error, 'register the service')}</ErrorBar>}
      <button
        type="submit"
        className="btn btn-ink justify-self-start max-md:justify-self-stretch"
        disabled={register.isPending}
      >
        Register
      </button>
    </form>
  );
}
