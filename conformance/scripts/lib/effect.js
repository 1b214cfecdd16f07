console.log('effect', __VU);
