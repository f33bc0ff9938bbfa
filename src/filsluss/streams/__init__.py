"""How bytes pass: tus and ranged downloads, plain WSGI beside the pages."""
