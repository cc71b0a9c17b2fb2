/** Colours of data. The tables hold 256 RGB colours each: matplotlib's RdBu_r and magma (both CC0), and the one
 * map of rotation that filterscope's pictures use everywhere. */

const SIGNED = [
  "05306106326407346708366a09386d0a3b700c3d730d3f760e41790f437b10457e114781124984134c87144e8a15508d175290185493",
  "1956961a58991b5a9c1c5c9f1d5fa21e61a51f63a82065ab2267ac2369ad246aae266caf276eb02870b12a71b22b73b32c75b42e77b5",
  "2f79b5307ab6327cb7337eb83480b93681ba3783bb3885bc3a87bd3b88be3c8abe3e8cbf3f8ec0408fc14291c24393c34695c44997c5",
  "4c99c64f9bc7529dc8569fc959a1ca5ca3cb5fa5cd62a7ce65a9cf68abd06bacd16eaed271b0d375b2d478b4d57bb6d67eb8d781bad8",
  "84bcd987beda8ac0db8dc2dc90c4dd93c6de96c7df98c8e09bc9e09dcbe1a0cce2a2cde3a5cee3a7d0e4a9d1e5acd2e5aed3e6b1d5e7",
  "b3d6e8b6d7e8b8d8e9bbdaeabddbeac0dcebc2ddecc5dfecc7e0edcae1eecce2efcfe4efd1e5f0d2e6f0d4e6f1d5e7f1d7e8f1d8e9f1",
  "dae9f2dbeaf2ddebf2deebf2e0ecf3e1edf3e3edf3e4eef4e6eff4e7f0f4e9f0f4eaf1f5ecf2f5edf2f5eff3f5f0f4f6f2f5f6f3f5f6",
  "f5f6f7f6f7f7f7f6f6f7f5f4f8f4f2f8f3f0f8f2eff8f1edf9f0ebf9efe9f9eee7f9ede5f9ebe3faeae1fae9dffae8defae7dcfbe6da",
  "fbe5d8fbe4d6fbe3d4fce2d2fce0d0fcdfcffcdecdfdddcbfddcc9fddbc7fdd9c4fcd7c2fcd5bffcd3bcfbd0b9fbceb7fbccb4facab1",
  "fac8aff9c6acf9c4a9f9c2a7f8bfa4f8bda1f8bb9ef7b99cf7b799f7b596f6b394f6b191f6af8ef5ac8bf5aa89f5a886f4a683f3a481",
  "f2a17ff19e7df09c7bef9979ee9677ec9374eb9172ea8e70e98b6ee8896ce6866ae58368e48066e37e64e27b62e17860df765ede735c",
  "dd7059dc6e57db6b55da6853d86551d7634fd6604dd55d4cd35a4ad25849d05548cf5246ce4f45cc4c44cb4942c94741c84440c6413e",
  "c53e3dc43b3cc2383ac13639bf3338be3036bd2d35bb2a34ba2832b82531b72230b61f2eb41c2db3192cb1182bae172aab162aa81529",
  "a51429a213289f12289c1127991027960f27930e26900d268d0c258a0b25870a248409248108237f08237c0722790622760521730421",
  "7003206d02206a011f67001f",
].join("");
const MAGMA = [
  "00000401000501010601010802010902020b02020d03030f03031204041405041606051806051a07061c08071e0907200a08220b0924",
  "0c09260d0a290e0b2b100b2d110c2f120d31130d34140e36150e38160f3b180f3d19103f1a10421c10441d11471e114920114b21114e",
  "22115024125325125527125829115a2a115c2c115f2d11612f116331116533106734106936106b38106c390f6e3b0f703d0f713f0f72",
  "400f74420f75440f764510774710784910784a10794c117a4e117b4f127b51127c52137c54137d56147d57157e59157e5a167e5c167f",
  "5d177f5f187f601880621980641a80651a80671b80681c816a1c816b1d816d1d816e1e81701f81721f81732081752181762181782281",
  "7922827b23827c23827e24828025828125818326818426818627818827818928818b29818c29818e2a81902a81912b81932b80942c80",
  "962c80982d80992d809b2e7f9c2e7f9e2f7fa02f7fa1307ea3307ea5317ea6317da8327daa337dab337cad347cae347bb0357bb2357b",
  "b3367ab5367ab73779b83779ba3878bc3978bd3977bf3a77c03a76c23b75c43c75c53c74c73d73c83e73ca3e72cc3f71cd4071cf4070",
  "d0416fd2426fd3436ed5446dd6456cd8456cd9466bdb476adc4869de4968df4a68e04c67e24d66e34e65e44f64e55064e75263e85362",
  "e95462ea5661eb5760ec5860ed5a5fee5b5eef5d5ef05f5ef1605df2625df2645cf3655cf4675cf4695cf56b5cf66c5cf66e5cf7705c",
  "f7725cf8745cf8765cf9785df9795df97b5dfa7d5efa7f5efa815ffb835ffb8560fb8761fc8961fc8a62fc8c63fc8e64fc9065fd9266",
  "fd9467fd9668fd9869fd9a6afd9b6bfe9d6cfe9f6dfea16efea36ffea571fea772fea973feaa74feac76feae77feb078feb27afeb47b",
  "feb67cfeb77efeb97ffebb81febd82febf84fec185fec287fec488fec68afec88cfeca8dfecc8ffecd90fecf92fed194fed395fed597",
  "fed799fed89afdda9cfddc9efddea0fde0a1fde2a3fde3a5fde5a7fde7a9fde9aafdebacfcecaefceeb0fcf0b2fcf2b4fcf4b6fcf6b8",
  "fcf7b9fcf9bbfcfbbdfcfdbf",
].join("");
const ROTATION = [
  "98a3af97a2af96a2af95a1af94a0af939faf929faf919eaf909daf8f9caf8e9caf8d9baf8c9aaf8b9aaf8a99ae8998ae8897ae8797ae",
  "8696ae8595ae8495ae8394ae8293ae8192ae8092ae7f91ae7e90ae7d8fae7c8fae7b8eae7a8dae798dae788cae778bae768aae758aae",
  "7489ae7388ae7288ae7187ae7086ae6f85ad6e85ad6d84ad6c83ad6b82ad6a82ad6981ad6880ad6780ad667fad657ead647dad637dad",
  "627cad617bad607bad5f7aad5e79ad5d78ad5c78ad5b77ad5a76ad5975ad5875ad5774ad5673ad5573ad5472ac5371ac5270ac5170ac",
  "506fac4f6eac4e6dac4d6dac4c6cac4b6bac4a6bac496aac4869ac4768ac4668ac4867ac4966ab4a66ab4b65ab4c64ab4e63ab4f63aa",
  "5062aa5161aa5261aa5360aa555fa9565ea9575ea9585da9595ca85a5ba85c5ba85d5aa85e59a85f59a76058a76257a76356a76456a7",
  "6555a66654a66754a66953a66a52a56b51a56c51a56d50a56e4fa5704ea4714ea4724da4734ca4744ca4764ba3774aa37849a37949a3",
  "7a48a27b47a27d47a27e46a27f45a28044a18144a18243a18442a18541a18641a08740a0883fa08a3fa08b3e9f8c3d9f8d3c9f8e3c9f",
  "8f3b9f913a9e923a9e93399e94389e95379e96379d98369d99359d9a359d9b349c9c339c9e329c9f329ca0319ca1309ba22f9ba32f9b",
  "a42f99a52e98a52e97a62e95a72d94a72d93a82d91a92d90aa2c8faa2c8dab2c8cac2b8bac2b89ad2b88ae2b87ae2a86af2a84b02a83",
  "b12982b12980b2297fb3297eb3287cb4287bb5287ab52778b62777b72776b82774b82673b92672ba2670ba256fbb256ebc256dbc256b",
  "bd246abe2469bf2467bf2366c02365c12363c12362c22261c3225fc3225ec4215dc5215bc6215ac62159c72058c82056c82055c91f54",
  "ca1f52ca1f51cb1f50cc1e4ecd1e4dcd1e4cce1d4acf1d49cf1d48d01d46d11c45d11c44d21c42d31b41d41b40d41b3fd51b3dd61a3c",
  "d61a3bd71a39d81938d81937d91935da1934db1833db1831dc1830dd172fdd172dde172cdf172bdf162ae01628e11627e21526e21524",
  "e31523e41522e41420e5141f",
].join("");

/** Rotation that reaches the red end of its map; the scale is a square root below. */
export const ROTATION_LIMIT = 0.5;

/** Canvas pixels are little-endian RGBA, so a colour is 0xAABBGGRR. */
function packed(table) {
  return Uint32Array.from({ length: table.length / 6 }, (_, i) => {
    const rgb = parseInt(table.slice(6 * i, 6 * i + 6), 16);
    return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
  });
}

function css(table) {
  return Array.from({ length: table.length / 6 }, (_, i) => `#${table.slice(6 * i, 6 * i + 6)}`);
}

const signed = packed(SIGNED);

/** What heat maps look colours up in: `pixels[round(t * (length - 1))]`, t from 0 to 1. */
export const HEAT = {
  signed,
  oneSided: signed.slice(128),
  decibel: packed(MAGMA),
};

const ROTATION_CSS = css(ROTATION);
const SIGNED_CSS = css(SIGNED);
const GRADIENTS = {
  rotation: ROTATION_CSS,
  signed: SIGNED_CSS,
  oneSided: SIGNED_CSS.slice(128),
  decibel: css(MAGMA),
};

/** Where a rotation lies on its scale, 0 to 1. */
export function rotationShare(rotation) {
  return Math.sqrt(Math.min(Math.max(rotation, 0), ROTATION_LIMIT) / ROTATION_LIMIT);
}

/** CSS colour of a rotation; `undefinedColour` where it is not a number. */
export function rotationColour(rotation, undefinedColour) {
  return Number.isFinite(rotation) ? ROTATION_CSS[Math.round(rotationShare(rotation) * 255)] : undefinedColour;
}

/** A map as a CSS gradient from left to right. */
export function gradient(name) {
  const colours = GRADIENTS[name];
  const stops = Array.from({ length: 17 }, (_, i) => colours[Math.round((i / 16) * (colours.length - 1))]);
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** A `#rrggbb` colour as a canvas pixel. */
export function pixelOf(hex) {
  const rgb = parseInt(hex.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
