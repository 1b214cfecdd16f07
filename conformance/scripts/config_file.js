//! --config: the lowest layer.
//! order: any
//! loud
//! args: --config data/config.json
//! case file:
//! case flags: --iterations 1
export const options = { tags: { from: 'script' } };

export default function () {
  console.log('ran');
}
