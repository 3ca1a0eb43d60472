import { Global, Module } from '@nestjs/common';
import { Authenticator } from '../../platform/http/authenticator.port.ts';
import { AuditModule } from '../audit/index.ts';
import { ApiTokens } from './api-tokens.ts';
import { ChangePassword } from './change-password.ts';
import { CreateFirstAdmin } from './create-first-admin.ts';
import { CreateUser } from './create-user.ts';
import { DatabaseAuthenticator } from './database-authenticator.ts';
import { IdentityController } from './identity.controller.ts';
import { ListUsers } from './list-users.ts';
import { ResetLinks } from './reset-links.ts';
import { Sessions } from './sessions.ts';
import { SetDisabled } from './set-disabled.ts';
import { SetIdentities } from './set-identities.ts';
import { SetMembership } from './set-membership.ts';
import { SetupLink } from './setup-link.ts';
import { SignIn } from './sign-in.ts';
import { StartSession } from './start-session.ts';

/** Global because the one guard of all routes asks it who is calling. */
@Global()
@Module({
  imports: [AuditModule],
  controllers: [IdentityController],
  providers: [
    { provide: Authenticator, useClass: DatabaseAuthenticator },
    SetupLink,
    StartSession,
    CreateFirstAdmin,
    SignIn,
    ListUsers,
    CreateUser,
    SetMembership,
    SetIdentities,
    ApiTokens,
    ChangePassword,
    Sessions,
    SetDisabled,
    ResetLinks,
  ],
  exports: [Authenticator, SetupLink],
})
export class IdentityModule {}
