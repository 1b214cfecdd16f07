//! module.exports with everything in one object.
module.exports = {
  options: { iterations: 1 },
  default() {
    console.log('ran', typeof this);
  },
  setup() {
    return 5;
  },
};
