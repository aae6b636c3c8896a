// The map: who is around, as dots seen from above, the own avatar in the middle, north up.

import { type Vector, compass } from "../src/index.js";
import { dot, subtract } from "../src/vector.js";

/** Somebody to draw. */
export interface Dot {
  readonly positionM: Vector;
  readonly facing: Vector;
  readonly kind: number;
  readonly name: string | undefined;
  /** 0 to 1. */
  readonly health: number;
  readonly attacking: boolean;
  readonly dead: boolean;
}

const COLOURS = ["#6fd3ff", "#9be08a", "#ff8f70", "#ffd166", "#c3a6ff", "#f78fb3", "#a0aec0"];
const DOT_M = 0.45;

/** Draws on a canvas that fills its window. */
export class GameMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #pen: CanvasRenderingContext2D;

  constructor(canvas: HTMLCanvasElement) {
    const pen = canvas.getContext("2d");
    if (pen === null) throw new Error("this browser has no canvas");
    this.#canvas = canvas;
    this.#pen = pen;
  }

  /** Everybody around a place, out to `radiusM`. */
  draw(centreM: Vector, radiusM: number, others: readonly Dot[]): void {
    const scale = this.#begin(radiusM);
    const { east, north } = compass(centreM);
    this.#rings(radiusM, scale);
    this.#grid(centreM, radiusM, scale);
    for (const other of others) {
      const way = subtract(other.positionM, centreM);
      const [x, y] = [dot(way, east) * scale, -dot(way, north) * scale];
      const angle = Math.atan2(-dot(other.facing, north), dot(other.facing, east));
      this.#dot(other, x, y, angle, scale);
    }
    this.#disc(0, 0, Math.max(4, DOT_M * scale), "#ffffff");
  }

  /** An empty map with the middle at (0, 0); pixels per metre. */
  #begin(radiusM: number): number {
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    const density = globalThis.devicePixelRatio || 1;
    this.#canvas.width = width * density;
    this.#canvas.height = height * density;
    this.#pen.setTransform(density, 0, 0, density, (width / 2) * density, (height / 2) * density);
    return (Math.min(width, height) / 2 - 24) / radiusM;
  }

  #rings(radiusM: number, scale: number): void {
    this.#pen.strokeStyle = "#1d3349";
    this.#pen.fillStyle = "#4a6680";
    this.#pen.font = "12px system-ui, sans-serif";
    for (const share of [0.25, 0.5, 1]) {
      this.#pen.beginPath();
      this.#pen.arc(0, 0, radiusM * share * scale, 0, 2 * Math.PI);
      this.#pen.stroke();
      this.#pen.fillText(`${Math.round(radiusM * share)} m`, 4, -radiusM * share * scale - 4);
    }
  }

  /** Lines that stay where they are on the ground, so that walking is seen. */
  #grid(centreM: Vector, radiusM: number, scale: number): void {
    const every = 10;
    // How far round the planet the middle lies, along both directions.
    const [x, y, z] = centreM;
    const across = Math.hypot(x, y);
    const offsets = [Math.atan2(y, x) * across, Math.atan2(z, across) * Math.hypot(across, z)];
    this.#pen.strokeStyle = "#122234";
    this.#pen.beginPath();
    offsets.forEach((offset, axis) => {
      for (let line = Math.ceil((offset - radiusM) / every); line * every < offset + radiusM; line += 1) {
        const at = (line * every - offset) * scale * (axis === 0 ? 1 : -1);
        const end = radiusM * scale;
        if (axis === 0) this.#line(at, -end, at, end);
        else this.#line(-end, at, end, at);
      }
    });
    this.#pen.stroke();
  }

  #line(x0: number, y0: number, x1: number, y1: number): void {
    this.#pen.moveTo(x0, y0);
    this.#pen.lineTo(x1, y1);
  }

  #dot(other: Dot, x: number, y: number, angle: number, scale: number): void {
    const radius = Math.max(3, DOT_M * scale);
    const colour = COLOURS[other.kind % COLOURS.length] ?? "#ffffff";
    this.#pen.globalAlpha = other.dead ? 0.3 : 1;
    this.#pen.strokeStyle = colour;
    this.#pen.lineWidth = 2;
    this.#pen.beginPath();
    this.#line(x, y, x + Math.cos(angle) * radius * 2, y + Math.sin(angle) * radius * 2);
    this.#pen.stroke();
    this.#disc(x, y, radius, other.attacking ? "#ffffff" : colour);
    if (other.health < 1 && !other.dead) {
      this.#pen.fillStyle = "#ff4d4d";
      this.#pen.fillRect(x - 10, y - radius - 6, 20 * other.health, 3);
    }
    if (other.name !== undefined) {
      this.#pen.fillStyle = "#dce6ef";
      this.#pen.fillText(other.name, x + radius + 3, y + 4);
    }
    this.#pen.globalAlpha = 1;
    this.#pen.lineWidth = 1;
  }

  #disc(x: number, y: number, radius: number, colour: string): void {
    this.#pen.fillStyle = colour;
    this.#pen.beginPath();
    this.#pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.#pen.fill();
  }
}
