// How the page of a run looks: dark or light as the reader's system is, printed without what only a screen needs.
// A constant: nothing of a record comes near a style.

import { markup } from './markup.ts';

export const style = markup`<style>
:root{color-scheme:light dark;--ground:#fff;--text:#1b1f24;--faint:#57606a;--line:#d0d7de;--box:#f6f8fa;--link:#0550ae;--bad:#a40e26;--bad-box:#ffebe9;--warn:#7a4d00;--warn-box:#fff8c5;--good:#116329}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--text:#e6edf3;--faint:#9ea7b3;--line:#3d444d;--box:#161b22;--link:#79c0ff;--bad:#ff9b93;--bad-box:#3c1618;--warn:#e3b341;--warn-box:#332701;--good:#56d364}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,sans-serif}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,input:focus-visible{outline:2px solid var(--link);outline-offset:2px}
h1{font-size:1.4rem;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
code,pre{font-family:ui-monospace,monospace;font-size:.87em}
pre{margin:.2rem 0 .6rem;padding:.4rem .6rem;background:var(--box);border:1px solid var(--line);white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin-bottom:.8rem}
caption{text-align:left;color:var(--faint)}
th,td{text-align:left;vertical-align:top;padding:.15rem .6rem .15rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th[scope=row]{width:14rem;color:var(--faint);font-weight:600}
nav ul,.states{display:flex;flex-wrap:wrap;gap:.3rem 1rem;padding:0;margin:.5rem 0;list-style:none}
.states li{padding:.05rem .6rem;border:1px solid currentcolor;border-radius:1rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
fieldset{border:1px solid var(--line);margin:.5rem 0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
.rows{list-style:none;margin:0;padding:0}
.rows>li{border-left:4px solid var(--line);padding-left:.5rem;margin:0 0 1px}
.rows summary{cursor:pointer;overflow-wrap:anywhere}
.rows summary>b{display:inline-block;min-width:6.5rem;font:600 .87em ui-monospace,monospace;color:var(--faint)}
.rows p{margin:.2rem 0;color:var(--faint)}
.rows .d1{margin-left:1.5rem}.rows .d2{margin-left:3rem}.rows .d3{margin-left:4.5rem}.rows .d4{margin-left:6rem}
.rows .x{border-color:var(--bad);background:var(--bad-box)}
.rows .v,.rows .f,.rows .n,.rows .u{border-color:var(--warn);background:var(--warn-box)}
.rows .x>p,.x strong{color:var(--bad)}
.rows .turn{border:0;margin-top:.8rem;color:var(--faint);font-weight:600}
.tag{border:1px solid currentcolor;border-radius:.3rem;padding:0 .3rem;font-size:.85em}
body:has(#only-model:checked) .rows>li:not(.m),body:has(#only-tool:checked) .rows>li:not(.t),body:has(#only-denied:checked) .rows>li:not(.x,.v),body:has(#only-odd:checked) .rows>li:not(.x,.v,.f,.n,.u){display:none}
:target{outline:2px solid var(--link)}
@media print{body{max-width:none;font-size:10pt}nav,fieldset,#shared{display:none}.rows>li{break-inside:avoid}a{color:inherit}}
</style>`;
