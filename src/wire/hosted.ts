// What a provider does by itself without the vendor calling it a tool: fetching an address that a message names.
// It is offered like any hosted tool, under one name for all formats, so that a role may have it or not. Pure.

import type { OfferedTool } from '../core/wire-format.ts';

export const urlSource: OfferedTool = { name: 'url_source', hosted: true, implied: true };

export const offersUrlSource = (offered: readonly OfferedTool[]): boolean => offered.includes(urlSource);
