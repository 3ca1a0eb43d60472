import { Crumb, Crumbs } from '../ui/screen.tsx';
import { ChangePassword } from './change-password.tsx';
import { MySessions } from './my-sessions.tsx';
import { MyTokens } from './my-tokens.tsx';

/** What belongs to the person alone: password, sessions, API tokens. */
export function AccountPage() {
  return (
    <div className="mx-auto max-w-[820px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title="Your account">
        <Crumb last>Your account</Crumb>
      </Crumbs>
      <h1 className="mb-3 text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">
        Your account
      </h1>
      <div className="flex flex-col gap-4">
        <ChangePassword />
        <MySessions />
        <MyTokens />
      </div>
    </div>
  );
}
