// What modules read of the page as they are loaded.
Object.assign(globalThis, { document: { baseURI: 'http://127.0.0.1/shop/workbench/', hidden: false } })
