/** What a filter does to frequencies, as in `filterscope/filters/spectrum.py`: all channels together,
 * `|H|(f) = sqrt(sum over channels of |H_c(f)|^2)`, up to where a dilated filter begins to repeat itself. */

/** Magnitudes are shown down to so many dB below a filter's maximum. */
export const FLOOR_DB = -40;

const plans = new Map();

/** Twiddle factors and bit-reversed order of an FFT of `n` points, a power of two. */
function plan(n) {
  if (!plans.has(n)) {
    const cos = new Float64Array(n / 2);
    const sin = new Float64Array(n / 2);
    for (let i = 0; i < n / 2; i++) {
      cos[i] = Math.cos((2 * Math.PI * i) / n);
      sin[i] = -Math.sin((2 * Math.PI * i) / n);
    }
    const order = new Uint32Array(n);
    for (let i = 1; i < n; i++) order[i] = (order[i >> 1] >> 1) | (i & 1 ? n >> 1 : 0);
    plans.set(n, { cos, sin, order, re: new Float64Array(n), im: new Float64Array(n) });
  }
  return plans.get(n);
}

/** Radix-2 FFT in place of `re` and `im`, which hold their input in bit-reversed order. */
function transform(n, { cos, sin, re, im }) {
  for (let half = 1; half < n; half *= 2) {
    const stride = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let i = 0, k = 0; i < half; i++, k += stride) {
        const a = start + i;
        const b = a + half;
        const x = re[b] * cos[k] - im[b] * sin[k];
        const y = re[b] * sin[k] + im[b] * cos[k];
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/**
 * Length of the transform of a layer's taps, a power of two. That of filterscope's numbers unless a picture needs less.
 *
 * @param {{shape: number[], dilation: number}} header
 * @param {number} least At least so many points.
 * @param {number} times At least so many times as many as there are taps.
 */
export function fftLength({ shape, dilation }, least = Math.ceil(512 / dilation), times = 4) {
  return 2 ** Math.ceil(Math.log2(Math.max(least, times * shape[2])));
}

/**
 * Power response of one filter. PyTorch correlates, so a complex filter passes the frequency at which it turns with the
 * other sign, as its conjugate would if it were convolved; transposed convolutions do convolve.
 *
 * @param {Float32Array} weights `channels x taps` numbers from `at` on, pairs if complex.
 * @param {{shape: number[], complex: boolean, transposed: boolean}} header Of the layer.
 * @param {number} n Length of the transform.
 * @returns {Float64Array} `n / 2 + 1` powers from 0 up to half the rate; complex weights: `n + 1`, from minus half
 *   the rate up to half the rate.
 */
export function power(weights, at, header, n) {
  const { complex, transposed } = header;
  const [, channels, taps] = header.shape;
  const sign = transposed ? 1 : -1;
  const tables = plan(n);
  const { re, im, order } = tables;
  const circle = new Float64Array(n);
  const lags = !complex && channels > 2 && taps <= 24;
  // Two real channels go through one transform as real and imaginary part; few taps through their autocorrelation.
  const rows = complex ? channels : lags ? 1 : Math.ceil(channels / 2);
  for (let row = 0; row < rows; row++) {
    re.fill(0);
    im.fill(0);
    if (lags) {
      autocorrelate(weights, at, channels, taps, n, order, re);
    } else if (complex) {
      for (let k = 0, from = at + 2 * row * taps; k < taps; k++, from += 2) {
        re[order[k]] = weights[from];
        im[order[k]] = sign * weights[from + 1];
      }
    } else {
      const from = at + 2 * row * taps;
      const paired = 2 * row + 1 < channels;
      for (let k = 0; k < taps; k++) {
        re[order[k]] = weights[from + k];
        if (paired) im[order[k]] = weights[from + taps + k];
      }
    }
    transform(n, tables);
    if (lags) for (let i = 0; i < n; i++) circle[i] = Math.max(re[i], 0);
    else for (let i = 0; i < n; i++) circle[i] += re[i] * re[i] + im[i] * im[i];
  }
  return complex ? shifted(circle, n) : folded(circle, n);
}

/** The full circle of frequencies from minus half the rate up to half the rate. */
function shifted(circle, n) {
  const out = new Float64Array(n + 1);
  for (let i = 0; i <= n; i++) out[i] = circle[(i + n / 2) % n];
  return out;
}

/** Both halves of the circle as one: they are alike for real weights, and sums of two channels if paired. */
function folded(circle, n) {
  const out = new Float64Array(n / 2 + 1);
  for (let i = 0; i <= n / 2; i++) out[i] = (circle[i] + circle[(n - i) % n]) / 2;
  return out;
}

/** Autocorrelation of all channels together, on the circle of `n` lags: its transform is the power. */
function autocorrelate(weights, at, channels, taps, n, order, out) {
  for (let lag = 0; lag < taps; lag++) {
    let sum = 0;
    for (let c = 0, from = at; c < channels; c++, from += taps) {
      for (let k = lag; k < taps; k++) sum += weights[from + k] * weights[from + k - lag];
    }
    out[order[lag]] = sum;
    if (lag) out[order[n - lag]] = sum;
  }
}

/** What `of` makes of the power response of every filter of a layer, from transforms of `n` points. */
export function responses(weights, header, n, of) {
  const [filters, channels, taps] = header.shape;
  const size = channels * taps * (header.complex ? 2 : 1);
  return Array.from({ length: filters }, (_, f) => of(power(weights, f * size, header, n)));
}

/** Numbers of a cumulative response at most. */
const MOST_CUMULATIVE = 512;

/**
 * What all filters pass together: mean over filters of each one's magnitude response, re its root mean square; 1 where
 * each passes all frequencies alike. Filters that are zero or not finite are left out.
 *
 * @param {Float64Array[]} responses Power of every filter.
 * @param {boolean} complex Whether both ends are the same frequency.
 * @returns {Float32Array} From the lowest frequency to the highest; NaN where no filter is left.
 */
export function cumulative(responses, complex) {
  const powers = complex ? responses.map((each) => each.subarray(0, -1)) : responses;
  const size = powers[0].length;
  const level = new Float64Array(size);
  let kept = 0;
  for (const each of powers) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += each[i];
    if (!(sum > 0 && sum < Infinity)) continue;
    kept += 1;
    const scale = Math.sqrt(size / sum);
    for (let i = 0; i < size; i++) level[i] += scale * Math.sqrt(each[i]);
  }
  const out = new Float32Array(Math.min(size, MOST_CUMULATIVE)).fill(kept ? 0 : NaN);
  if (!kept) return out;
  // Of more frequencies, the largest of every few.
  for (let i = 0, at = 0; i < out.length; i++) {
    const end = Math.floor(((i + 1) * size) / out.length);
    for (; at < end; at++) out[i] = Math.max(out[i], level[at] / kept);
  }
  return out;
}

/** Powers as dB re their maximum, not below the floor; NaN for a filter that is zero or not finite. */
export function decibels(powers) {
  let peak = 0;
  for (let i = 0; i < powers.length; i++) if (!(powers[i] <= peak)) peak = powers[i];
  const out = new Float32Array(powers.length);
  if (!(peak > 0 && peak < Infinity)) return out.fill(NaN);
  const scale = 10 / Math.LN10;
  for (let i = 0; i < out.length; i++) out[i] = Math.max(scale * Math.log(powers[i] / peak), FLOOR_DB);
  return out;
}

/** The frequency axis of a layer: `{low, high, alias, folds, unit}`, `alias` where its stride folds (null without), `folds`
 * all places where it does: both signs of complex filters. */
export function frequencyAxis(header) {
  const known = header.sample_rate !== null;
  const rate = known ? header.sample_rate * (header.transposed ? header.stride : 1) : 1;
  const high = rate / (2 * header.dilation);
  const half = rate / (2 * header.stride);
  const alias = half < high ? half : null;
  const folds = alias === null ? [] : header.complex ? [-alias, alias] : [alias];
  return { low: header.complex ? -high : 0, high, alias, folds, unit: known ? "Hz" : "cycles/sample" };
}

/** Levels within so many dB of the largest are as large: the lowest frequency among them is the peak. */
const NEAR_DB = 1e-5;

/** Frequency of the peak of some levels in dB re their maximum; NaN if the filter is zero or not finite. */
export function peakFrequency(levels, axis) {
  const place = levels.findIndex((level) => level >= -NEAR_DB);
  return place < 0 ? NaN : axis.low + (place / (levels.length - 1)) * (axis.high - axis.low);
}
