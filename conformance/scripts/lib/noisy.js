console.log('noisy', __VU);
export const unused = 1;
