import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { isNotFound } from './api/problem.ts';
import { createAppRouter } from './router.tsx';
import './ui/base.css';

const queryClient = new QueryClient({
  defaultOptions: {
    // The server may be on this machine or network: what the browser thinks of the internet must not pause anything.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      // The live stream says when something changed; a snapshot stays good until then.
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 3 && !isNotFound(error),
      retryDelay: (attempt) => Math.min(1000 * 2 ** attempt, 15_000),
    },
  },
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root".');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={createAppRouter(queryClient)} />
    </QueryClientProvider>
  </StrictMode>,
);
