import { describe, expect, it } from 'vitest';
import { apiUrlOf, isRepositoryPath, repositoryPathOf } from './status-place.ts';

describe('where statuses of a repository go', () => {
  it.each([
    ['github', 'https://github.com/shop/catalog.git', 'https://api.github.com', 'shop/catalog'],
    ['github', 'ssh://git@github.com/shop/catalog.git', 'https://api.github.com', 'shop/catalog'],
    ['github', 'https://git.example.com/shop/catalog', 'https://git.example.com/api/v3', 'shop/catalog'],
    ['gitlab', 'https://gitlab.com/a/b/catalog.git', 'https://gitlab.com/api/v4', 'a/b/catalog'],
    ['gitlab', 'ssh://git@gitlab.example.com:2222/a/b.git', 'https://gitlab.example.com/api/v4', 'a/b'],
    ['gitea', 'https://git.example.com:3000/shop/catalog.git', 'https://git.example.com:3000/api/v1', 'shop/catalog'],
    ['bitbucket', 'https://bitbucket.org/shop/catalog.git', 'https://api.bitbucket.org/2.0', 'shop/catalog'],
    ['bitbucket', 'https://bitbucket.example.com/shop/catalog.git', undefined, 'shop/catalog'],
  ] as const)('%s at %s', (forge, address, apiUrl, path) => {
    expect(apiUrlOf(forge, address)).toBe(apiUrl);
    expect(repositoryPathOf(address)).toBe(path);
    expect(isRepositoryPath(forge, path)).toBe(true);
  });

  it.each([
    '',
    'catalog',
    'a/b/c',
    '../b',
    'a/..',
    'a/b?x',
    'a/b#x',
    'a/%2e%2e',
    'a//b',
    '/a/b',
    'a/b/',
    'a b/c',
    'a/.b',
  ])('A27: %j is no repository of GitHub', (path) => {
    expect(isRepositoryPath('github', path)).toBe(false);
  });
});
