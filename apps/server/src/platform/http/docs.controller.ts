import { Controller, Get, Header } from '@nestjs/common';
import { Access } from './access.ts';
import { DOCS_STYLE, docsPage } from './docs-page.ts';
import { openApiDocument } from './openapi-document.ts';

/** Public: it describes the program, the same for everyone, and nothing of this installation. */
@Access('public')
@Controller('api')
export class DocsController {
  @Get('openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  document() {
    return openApiDocument();
  }

  @Get('docs')
  @Header('content-type', 'text/html; charset=utf-8')
  async page(): Promise<string> {
    return docsPage(await openApiDocument());
  }

  @Get('docs/style.css')
  @Header('content-type', 'text/css; charset=utf-8')
  style(): string {
    return DOCS_STYLE;
  }
}
