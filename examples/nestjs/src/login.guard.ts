import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common'
import type { Request } from 'express'

/** `@UseGuards(LoginGuard)`: without a login the response is 401. */
@Injectable()
export class LoginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.switchToHttp().getRequest<Request>().session.subject === undefined) throw new UnauthorizedException()
    return true
  }
}
