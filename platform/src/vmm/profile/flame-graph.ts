// A flame graph as one SVG file, without scripts from elsewhere: a box for each frame, as wide as its time, callers below what
// they call. A click enlarges a frame, a second one on the bottom goes back; pointing at a box shows its time.

import type { StackTree } from "./stack-tree.ts";

const WIDTH = 1200;
const ROW = 17;
const MARGIN = 10;
const TITLE = 28;
const CHARACTER = 6.6;
/** Narrower boxes are left out. */
const MIN_WIDTH = 0.3;

interface Box {
  readonly name: string;
  readonly us: number;
  readonly x: number;
  readonly width: number;
  readonly depth: number;
}

/** Trees one below the other, each with its root at the bottom. */
export function flameGraph(title: string, trees: readonly StackTree[]): string {
  let top = TITLE;
  const groups = trees.map((tree) => {
    const boxes = layOut(tree);
    const rows = Math.max(...boxes.map(({ depth }) => depth)) + 1;
    const bottom = top + rows * ROW;
    top = bottom + MARGIN;
    return `<g class="graph">${boxes.map((box) => drawBox(box, bottom, tree.us)).join("\n")}</g>`;
  });
  const size = `width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="monospace" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fffdf8"/>`,
    `<text x="${MARGIN}" y="18" font-size="14">${escapeText(title)}</text>`,
    ...groups,
    `<script><![CDATA[${SCRIPT}]]></script>`,
    "</svg>\n",
  ].join("\n");
}

function layOut(tree: StackTree): Box[] {
  const boxes: Box[] = [];
  const scale = (WIDTH - 2 * MARGIN) / Math.max(tree.us, 1);
  const place = (node: StackTree, x: number, depth: number): void => {
    const width = node.us * scale;
    if (width < MIN_WIDTH && depth > 0) return;
    boxes.push({ name: node.name, us: node.us, x, width, depth });
    let at = x;
    for (const child of [...node.children.values()].sort((a, b) => b.us - a.us)) {
      place(child, at, depth + 1);
      at += child.us * scale;
    }
  };
  place(tree, MARGIN, 0);
  return boxes;
}

function drawBox({ name, us, x, width, depth }: Box, bottom: number, totalUs: number): string {
  const y = bottom - (depth + 1) * ROW;
  const share = ((100 * us) / Math.max(totalUs, 1)).toFixed(2);
  const hint = `${name}: ${(us / 1000).toFixed(1)} ms, ${share} %`;
  const box = `<rect x="${x.toFixed(2)}" y="${y}" width="${width.toFixed(2)}" height="${ROW - 1}" fill="${colour(name)}" rx="1"/>`;
  const label = `<text x="${(x + 3).toFixed(2)}" y="${y + 12}" data-name="${escapeText(name)}">${escapeText(fit(name, width))}</text>`;
  return `<g class="box"><title>${escapeText(hint)}</title>${box}${label}</g>`;
}

function fit(name: string, width: number): string {
  const room = Math.floor((width - 6) / CHARACTER);
  if (room < 3) return "";
  return name.length <= room ? name : `${name.slice(0, room - 1)}…`;
}

/** Warm colours, the same for the same name. */
function colour(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return `hsl(${10 + (hash % 45)} 80% ${62 + ((hash >>> 8) % 14)}%)`;
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Enlarges the box that is clicked: what is above it follows, what is below it fills the row. */
const SCRIPT = `
const LEFT = ${MARGIN}, FULL = ${WIDTH - 2 * MARGIN}, CHARACTER = ${CHARACTER};
for (const graph of document.querySelectorAll(".graph")) {
  const boxes = [...graph.querySelectorAll(".box")].map((g) => {
    const [rect, text] = [g.querySelector("rect"), g.querySelector("text")];
    return { g, rect, text, x: +rect.getAttribute("x"), width: +rect.getAttribute("width") };
  });
  const zoom = (to) => {
    const scale = FULL / to.width;
    for (const box of boxes) {
      const left = Math.max(LEFT, LEFT + (box.x - to.x) * scale);
      const right = Math.min(LEFT + FULL, LEFT + (box.x + box.width - to.x) * scale);
      box.g.style.display = right - left < 0.1 ? "none" : "";
      box.rect.setAttribute("x", left);
      box.rect.setAttribute("width", Math.max(0, right - left));
      box.text.setAttribute("x", left + 3);
      const name = box.text.dataset.name, room = Math.floor((right - left - 6) / CHARACTER);
      box.text.textContent = room < 3 ? "" : name.length <= room ? name : name.slice(0, room - 1) + "…";
    }
  };
  for (const box of boxes) box.g.addEventListener("click", () => zoom(box));
}
`;
