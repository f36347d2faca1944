-- A store as version 26 of the schema left it: that of version 1, brought up to date.
-- Frozen: never make it anew with a later version.
CREATE TABLE calls (account TEXT NOT NULL, at REAL NOT NULL) STRICT;
INSERT INTO "calls" VALUES('preview',1.79561895925469040867e+09);
INSERT INTO "calls" VALUES('preview',1.795618959254860878e+09);
INSERT INTO "calls" VALUES('videos-api http://127.0.0.1:8765 env:KEY',1.79561896132689905163e+09);
INSERT INTO "calls" VALUES('videos-api http://127.0.0.1:8765 env:KEY',1.79561898740547466277e+09);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dealt_with (
      cause TEXT PRIMARY KEY, until REAL NOT NULL, at REAL NOT NULL, by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "dealt_with" VALUES('no funds',1795618960.0,1795618961.0,'Ana');
CREATE TABLE deliveries (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, job_id TEXT NOT NULL,
      run_id TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, at REAL NOT NULL, attempts INTEGER NOT NULL,
      ended_at REAL NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL
    ) STRICT;
CREATE TABLE echoes (
      place TEXT NOT NULL, state TEXT NOT NULL, field TEXT NOT NULL, exact INTEGER NOT NULL,
      differs INTEGER NOT NULL, examples TEXT NOT NULL, PRIMARY KEY (place, state, field)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE effects (
      key TEXT PRIMARY KEY, kind TEXT NOT NULL, job_id TEXT NOT NULL, run_id TEXT NOT NULL,
      subject TEXT NOT NULL, account TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL, sent_at REAL, settle_at REAL, sender TEXT,
      evidence TEXT NOT NULL DEFAULT '{}', prepared TEXT NOT NULL DEFAULT 'null',
      result TEXT NOT NULL DEFAULT 'null', remote_id TEXT, reason TEXT NOT NULL DEFAULT '',
      money TEXT NOT NULL, reserved INTEGER, charged INTEGER, updated_at REAL NOT NULL
    , alias TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', spec TEXT NOT NULL DEFAULT '', asked TEXT NOT NULL DEFAULT '{}', how TEXT NOT NULL DEFAULT '{}', settle TEXT NOT NULL DEFAULT '', seen TEXT NOT NULL DEFAULT '{}', refusals INTEGER NOT NULL DEFAULT 0, resent INTEGER NOT NULL DEFAULT 0, first_no INTEGER, sent_no INTEGER, answered_no INTEGER, reserved_at REAL NOT NULL DEFAULT 0, brand TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "effects" VALUES('reelwork-1ngdy4fet5y0c79t-render-1','submit','1ngdy4fet5y0c79t','1ngdy4f9cvjcs1wb','preview','preview','','confirmed',1,1.79561895925469040867e+09,1.79561895925469040867e+09,NULL,NULL,'{}','null','{"remote_id":"preview_13dc340406164dd24a154c32","details":{},"poll_after":0.0}','preview_13dc340406164dd24a154c32','','released',0,0,1.79561895986903524401e+09,'','','','{}','{}','','{}',0,0,NULL,NULL,NULL,1.79561895925469040867e+09,'');
INSERT INTO "effects" VALUES('reelwork-1ngdy4fw0a4pj466-render-1','submit','1ngdy4fw0a4pj466','1ngdy4f9cvjcs1wb','preview','preview','','confirmed',1,1.795618959254860878e+09,1.795618959254860878e+09,NULL,NULL,'{}','null','{"remote_id":"preview_93f415cdbfa630b89165d6f0","details":{},"poll_after":0.0}','preview_93f415cdbfa630b89165d6f0','','released',0,0,1.79561896000258660321e+09,'','','','{}','{}','','{}',0,0,NULL,NULL,NULL,1.795618959254860878e+09,'');
INSERT INTO "effects" VALUES('reelwork-1ngdy4fw0a4pj466-post-gallery','publish','1ngdy4fw0a4pj466','1ngdy4f9cvjcs1wb','gallery','publish gallery','','confirmed',1,1.79561896016222167019e+09,1.79561896016222167019e+09,NULL,NULL,'{}','null','{"id":"post-f96d51c44d6bb94f","url":"file:///srv/films/reelwork-out/gallery/index.html#post-f96d51c44d6bb94f","at":"2026-11-25T15:02:40.164218Z","details":{}}','post-f96d51c44d6bb94f','','none',NULL,NULL,1.79561896016883850097e+09,'','','','{}','{}','','{}',0,0,NULL,NULL,NULL,1.79561896016222167019e+09,'');
INSERT INTO "effects" VALUES('reelwork-1ngdy4fet5y0c79t-post-gallery','publish','1ngdy4fet5y0c79t','1ngdy4f9cvjcs1wb','gallery','publish gallery','','confirmed',1,1.79561896017020392415e+09,1.79561896017020392415e+09,NULL,NULL,'{}','null','{"id":"post-be82460d8e02fc15","url":"file:///srv/films/reelwork-out/gallery/index.html#post-be82460d8e02fc15","at":"2026-11-25T15:02:40.173267Z","details":{}}','post-be82460d8e02fc15','','none',NULL,NULL,1.79561896017524766921e+09,'','','','{}','{}','','{}',0,0,NULL,NULL,NULL,1.79561896017020392415e+09,'');
INSERT INTO "effects" VALUES('reelwork-1ngdy4hmegvbnpxh-render-1','submit','1ngdy4hmegvbnpxh','1ngdy4hj9cf2b4zq','videos-api','videos-api http://127.0.0.1:8765 env:KEY','41f54c6125745ffd7f0f4a5133e2273c','confirmed',1,1.79561896132689905163e+09,1.79561896132689905163e+09,NULL,NULL,'{}','null','{"remote_id":"video_3e196f485b5d48d5a2249ae2efc3006d","details":{},"poll_after":5.0}','video_3e196f485b5d48d5a2249ae2efc3006d','','reserved',400000,NULL,1.79561896145807075499e+09,'','','','{}','{}','','{}',0,0,NULL,NULL,NULL,1.79561896132689905163e+09,'');
INSERT INTO "effects" VALUES('reelwork-1ngdy4z00000held-render-1','submit','1ngdy4z00000held','1ngdy4hj9cf2b4zq','videos-api','videos-api http://127.0.0.1:8765 env:KEY','41f54c6125745ffd7f0f4a5133e2273c','unknown',1,1.79561898740547466277e+09,1.79561898740547466277e+09,NULL,NULL,'{}','null','null',NULL,'it answered 502','reserved',400000,NULL,1.79561898740852880478e+09,'','','','{}','{}','','{}',0,0,NULL,NULL,NULL,1.79561898740547466277e+09,'');
CREATE TABLE events (
      seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, at REAL NOT NULL, name TEXT NOT NULL,
      details TEXT NOT NULL
    ) STRICT;
INSERT INTO "events" VALUES(1,'1ngdy4fet5y0c79t',1.79561895925971293447e+09,'submitted','{"remote_id": "preview_13dc340406164dd24a154c32"}');
INSERT INTO "events" VALUES(2,'1ngdy4fw0a4pj466',1.79561895926053214072e+09,'submitted','{"remote_id": "preview_93f415cdbfa630b89165d6f0"}');
INSERT INTO "events" VALUES(3,'1ngdy4fet5y0c79t',1.79561895986903524401e+09,'rendered','{}');
INSERT INTO "events" VALUES(4,'1ngdy4fw0a4pj466',1.79561896000258660321e+09,'rendered','{}');
INSERT INTO "events" VALUES(5,'1ngdy4fet5y0c79t',1.79561896003157186506e+09,'downloaded','{"sha256": "69d765240763ad528e2b3ec8f622c2e788591c3eeb122fe7874c7f8d6ad0187b"}');
INSERT INTO "events" VALUES(6,'1ngdy4fw0a4pj466',1.79561896004383134842e+09,'downloaded','{"sha256": "fd6eda4fad37d309a9f217bc299299657212bc8073ec94180eba8b497b27c9ae"}');
INSERT INTO "events" VALUES(7,'1ngdy4fw0a4pj466',1.79561896014206099506e+09,'finished','{"plugin": "thumbnail"}');
INSERT INTO "events" VALUES(8,'1ngdy4fet5y0c79t',1.79561896015524196626e+09,'finished','{"plugin": "thumbnail"}');
INSERT INTO "events" VALUES(9,'1ngdy4fw0a4pj466',1.79561896015980792043e+09,'finished','{"plugin": "local"}');
INSERT INTO "events" VALUES(10,'1ngdy4fet5y0c79t',1.79561896016522789002e+09,'finished','{"plugin": "local"}');
INSERT INTO "events" VALUES(11,'1ngdy4fw0a4pj466',1.79561896016883850097e+09,'published','{"destination": "gallery", "url": "file:///srv/films/reelwork-out/gallery/index.html#post-f96d51c44d6bb94f", "found": false}');
INSERT INTO "events" VALUES(12,'1ngdy4fw0a4pj466',1.79561896016958308223e+09,'done','{}');
INSERT INTO "events" VALUES(13,'1ngdy4fet5y0c79t',1.79561896017524766921e+09,'published','{"destination": "gallery", "url": "file:///srv/films/reelwork-out/gallery/index.html#post-be82460d8e02fc15", "found": false}');
INSERT INTO "events" VALUES(14,'1ngdy4fet5y0c79t',1.79561896017583370204e+09,'done','{}');
INSERT INTO "events" VALUES(15,'1ngdy4gnqyvxe9k9',1.79561896063840675352e+09,'rejected','{"reason": "rejected by ''rules'': the prompt has 7 characters; it needs at least 10"}');
INSERT INTO "events" VALUES(16,'1ngdy4gnqyvxe9k9',1.79561896063840675352e+09,'verdict','{"decision": "reject", "reason": "the prompt has 7 characters; it needs at least 10", "categories": ["length"], "plugin": "rules", "content": "8a8818f5fad1c91696c73af043901dc0"}');
INSERT INTO "events" VALUES(17,'1ngdy4hmegvbnpxh',1.79561896145807075499e+09,'submitted','{"remote_id": "video_3e196f485b5d48d5a2249ae2efc3006d"}');
INSERT INTO "events" VALUES(18,'1ngdy4z00000held',1.79561898740852880478e+09,'waiting','{"reason": "it answered 502"}');
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE gates (account TEXT PRIMARY KEY, opens_at REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE hints (name TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "hints" VALUES('render-1',1795618961.25);
CREATE TABLE jobs (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL REFERENCES runs(id),
      key TEXT NOT NULL UNIQUE, status TEXT NOT NULL, step TEXT NOT NULL, due_at REAL,
      owner TEXT, lease_until REAL, fence INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
      data TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', render_id TEXT, blocked_on TEXT,
      created_at REAL NOT NULL, updated_at REAL NOT NULL
    , first_run TEXT, brand TEXT NOT NULL DEFAULT '', ended_at REAL) STRICT;
INSERT INTO "jobs" VALUES(1,'1ngdy4fw0a4pj466','1ngdy4f9cvjcs1wb','batch:f9fcbc91cd2c6b70d35c489cc43b7f82:id:a:-:1','done','done',NULL,NULL,1.79561902000085687634e+09,2,0,'{"workflow":"flow","provider":"preview","brief":{"prompt":"A lighthouse in the fog","negative_prompt":"","model":null,"duration":0.5,"resolution":"480p","aspect_ratio":null,"fps":null,"seed":null,"takes":1,"publish_takes":null,"quality":"standard","metadata":{},"references":[],"webhook":null,"platforms":[],"title":"","caption":"","hashtags":[],"privacy":"public"},"spec":{"width":854,"height":480,"aspect_ratio":"16:9","resolution":"480p","fps":30,"duration":0.5,"seed":null,"quality":"standard"},"model":null,"platform":null,"take":1,"takes":1,"row":"a","fates":[{"parameter":"prompt","outcome":"sent","asked":"23 characters","becomes":"","note":""},{"parameter":"duration","outcome":"sent","asked":"0.5 s","becomes":"0.5 s","note":""},{"parameter":"resolution","outcome":"sent","asked":"480p","becomes":"854x480","note":""},{"parameter":"aspect_ratio","outcome":"sent","asked":"default","becomes":"854x480","note":""}],"cost":0,"prompt":{"text":"A lighthouse in the fog","negative_text":"","title":"","caption":"","hashtags":[],"edits":[]},"generation":1,"prepared":null,"render":{"provider":"preview","remote_id":"preview_93f415cdbfa630b89165d6f0","status":"completed","cost":"0"},"clip":{"video":{"path":"/srv/films/s.db.files/assets/fd/fd6eda4fad37d309a9f217bc299299657212bc8073ec94180eba8b497b27c9ae.mp4","sha256":"fd6eda4fad37d309a9f217bc299299657212bc8073ec94180eba8b497b27c9ae","bytes":19444,"media_type":"video/mp4","role":"video","width":854,"height":480,"duration":0.5,"fps":30.0,"codec":"h264","stored_at":["file:///srv/films/reelwork-out/videos/fd/fd6eda4fad37d309a9f217bc299299657212bc8073ec94180eba8b497b27c9ae.mp4","file:///srv/films/reelwork-out/videos/by-name/2026-11-25_a-lighthouse-in-the-fog_0a4pj466.mp4"]},"assets":[{"path":"/srv/films/s.db.files/work/thumbnail/5f161847f8f87539c7d3418b0636284f.jpg","sha256":"65b37f9b6b7648ca1e11e9a9ffc04f4c4d48557b09d73d4d59f5631ae75a49b7","bytes":26082,"media_type":"image/jpeg","role":"thumbnail","width":640,"height":360,"duration":null,"fps":null,"codec":null,"stored_at":["file:///srv/films/reelwork-out/videos/65/65b37f9b6b7648ca1e11e9a9ffc04f4c4d48557b09d73d4d59f5631ae75a49b7.jpg"]},{"path":"/srv/films/reelwork-out/videos/fd/fd6eda4fad37d309a9f217bc299299657212bc8073ec94180eba8b497b27c9ae.1ngdy4fw0a4pj466.json","sha256":"3356dc6a1bc995b8ce891a181c6571425d5c6d8ddb4feb8ffbf4a1022fff09e6","bytes":1327,"media_type":"application/json","role":"sidecar","width":null,"height":null,"duration":null,"fps":null,"codec":null,"stored_at":["file:///srv/films/reelwork-out/videos/fd/fd6eda4fad37d309a9f217bc299299657212bc8073ec94180eba8b497b27c9ae.1ngdy4fw0a4pj466.json"]}]},"finished":2,"posts":{"gallery":{"state":"published","reason":"","receipt":{"id":"post-f96d51c44d6bb94f","url":"file:///srv/films/reelwork-out/gallery/index.html#post-f96d51c44d6bb94f","at":"2026-11-25T15:02:40.164218Z","details":{}},"prepared":null,"due_at":null,"failures":0}},"approved":[]}','','1ngdy4fyxx4rtvj7',NULL,1.79561895922696804998e+09,1.79561896016958308223e+09,NULL,'',1.79561896016958308223e+09);
INSERT INTO "jobs" VALUES(2,'1ngdy4fet5y0c79t','1ngdy4f9cvjcs1wb','batch:f9fcbc91cd2c6b70d35c489cc43b7f82:id:b:-:1','done','done',NULL,NULL,1.795619019867708683e+09,2,0,'{"workflow":"flow","provider":"preview","brief":{"prompt":"A boat at dawn","negative_prompt":"","model":null,"duration":0.5,"resolution":"480p","aspect_ratio":null,"fps":null,"seed":null,"takes":1,"publish_takes":null,"quality":"standard","metadata":{},"references":[],"webhook":null,"platforms":[],"title":"","caption":"","hashtags":[],"privacy":"public"},"spec":{"width":854,"height":480,"aspect_ratio":"16:9","resolution":"480p","fps":30,"duration":0.5,"seed":null,"quality":"standard"},"model":null,"platform":null,"take":1,"takes":1,"row":"b","fates":[{"parameter":"prompt","outcome":"sent","asked":"14 characters","becomes":"","note":""},{"parameter":"duration","outcome":"sent","asked":"0.5 s","becomes":"0.5 s","note":""},{"parameter":"resolution","outcome":"sent","asked":"480p","becomes":"854x480","note":""},{"parameter":"aspect_ratio","outcome":"sent","asked":"default","becomes":"854x480","note":""}],"cost":0,"prompt":{"text":"A boat at dawn","negative_text":"","title":"","caption":"","hashtags":[],"edits":[]},"generation":1,"prepared":null,"render":{"provider":"preview","remote_id":"preview_13dc340406164dd24a154c32","status":"completed","cost":"0"},"clip":{"video":{"path":"/srv/films/s.db.files/assets/69/69d765240763ad528e2b3ec8f622c2e788591c3eeb122fe7874c7f8d6ad0187b.mp4","sha256":"69d765240763ad528e2b3ec8f622c2e788591c3eeb122fe7874c7f8d6ad0187b","bytes":17841,"media_type":"video/mp4","role":"video","width":854,"height":480,"duration":0.5,"fps":30.0,"codec":"h264","stored_at":["file:///srv/films/reelwork-out/videos/69/69d765240763ad528e2b3ec8f622c2e788591c3eeb122fe7874c7f8d6ad0187b.mp4","file:///srv/films/reelwork-out/videos/by-name/2026-11-25_a-boat-at-dawn_t5y0c79t.mp4"]},"assets":[{"path":"/srv/films/s.db.files/work/thumbnail/91831bf1b5f7566bc907f77c7744926b.jpg","sha256":"e6881856b76c68c0c3c00d9ffc707df3973d8cf999b3abb523890b05ea35e0b3","bytes":24702,"media_type":"image/jpeg","role":"thumbnail","width":640,"height":360,"duration":null,"fps":null,"codec":null,"stored_at":["file:///srv/films/reelwork-out/videos/e6/e6881856b76c68c0c3c00d9ffc707df3973d8cf999b3abb523890b05ea35e0b3.jpg"]},{"path":"/srv/films/reelwork-out/videos/69/69d765240763ad528e2b3ec8f622c2e788591c3eeb122fe7874c7f8d6ad0187b.1ngdy4fet5y0c79t.json","sha256":"6501700eeed98ab6d3e771efc2eef5bab10a7101b26d57178f9f5c7b6cc7be01","bytes":1309,"media_type":"application/json","role":"sidecar","width":null,"height":null,"duration":null,"fps":null,"codec":null,"stored_at":["file:///srv/films/reelwork-out/videos/69/69d765240763ad528e2b3ec8f622c2e788591c3eeb122fe7874c7f8d6ad0187b.1ngdy4fet5y0c79t.json"]}]},"finished":2,"posts":{"gallery":{"state":"published","reason":"","receipt":{"id":"post-be82460d8e02fc15","url":"file:///srv/films/reelwork-out/gallery/index.html#post-be82460d8e02fc15","at":"2026-11-25T15:02:40.173267Z","details":{}},"prepared":null,"due_at":null,"failures":0}},"approved":[]}','','1ngdy4f9vy38djm7',NULL,1.79561895922696804998e+09,1.79561896017583370204e+09,NULL,'',1.79561896017583370204e+09);
INSERT INTO "jobs" VALUES(3,'1ngdy4gnqyvxe9k9','1ngdy4g5yfsa74nz','run:1ngdy4g5yfsa74nz:-:1','rejected','moderate-brief',NULL,NULL,1.79561902062087368962e+09,1,0,'{"workflow":"reelwork","provider":"preview","brief":{"prompt":"A heron","negative_prompt":"","model":null,"duration":0.5,"resolution":"480p","aspect_ratio":null,"fps":null,"seed":null,"takes":1,"publish_takes":null,"quality":"standard","metadata":{},"references":[],"webhook":null,"platforms":[],"title":"","caption":"","hashtags":[],"privacy":"public"},"spec":{"width":854,"height":480,"aspect_ratio":"16:9","resolution":"480p","fps":30,"duration":0.5,"seed":null,"quality":"standard"},"model":null,"platform":null,"take":1,"takes":1,"row":null,"fates":[{"parameter":"prompt","outcome":"sent","asked":"7 characters","becomes":"","note":""},{"parameter":"duration","outcome":"sent","asked":"0.5 s","becomes":"0.5 s","note":""},{"parameter":"resolution","outcome":"sent","asked":"480p","becomes":"854x480","note":""},{"parameter":"aspect_ratio","outcome":"sent","asked":"default","becomes":"854x480","note":""}],"cost":0,"prompt":null,"generation":1,"prepared":null,"render":null,"clip":null,"finished":0,"posts":{},"approved":[]}','rejected by ''rules'': the prompt has 7 characters; it needs at least 10',NULL,NULL,1.79561896061803650853e+09,1.79561896063840675352e+09,NULL,'',1.79561896063840675352e+09);
INSERT INTO "jobs" VALUES(4,'1ngdy4hmegvbnpxh','1ngdy4hj9cf2b4zq','run:1ngdy4hj9cf2b4zq:-:1','active','render',NULL,NULL,1.79561902130225324635e+09,1,0,'{"workflow":"live","provider":"videos-api","brief":{"prompt":"A slow train","negative_prompt":"","model":null,"duration":4.0,"resolution":null,"aspect_ratio":null,"fps":null,"seed":null,"takes":1,"publish_takes":null,"quality":"standard","metadata":{},"references":[],"webhook":null,"platforms":[],"title":"","caption":"","hashtags":[],"privacy":"public"},"spec":{"width":1280,"height":720,"aspect_ratio":"16:9","resolution":"720p","fps":null,"duration":4.0,"seed":null,"quality":"standard"},"model":"sora-2","platform":null,"take":1,"takes":1,"row":null,"fates":[{"parameter":"prompt","outcome":"sent","asked":"12 characters","becomes":"","note":""},{"parameter":"duration","outcome":"translated","asked":"4 s","becomes":"4 s","note":"seconds"},{"parameter":"resolution","outcome":"translated","asked":"default","becomes":"1280x720","note":"size"},{"parameter":"aspect_ratio","outcome":"translated","asked":"default","becomes":"1280x720","note":"size"}],"cost":400000,"prompt":{"text":"A slow train","negative_text":"","title":"","caption":"","hashtags":[],"edits":[]},"generation":1,"prepared":null,"render":{"provider":"videos-api","remote_id":"video_3e196f485b5d48d5a2249ae2efc3006d","status":"queued","cost":"0.4"},"clip":null,"finished":0,"posts":{},"approved":[]}','','1ngdy4hp3cvmbch3',NULL,1795618961.30067,1.79561896145807075499e+09,NULL,'acme',NULL);
INSERT INTO "jobs" VALUES(5,'1ngdy4z00000held','1ngdy4hj9cf2b4zq','run:1ngdy4hj9cf2b4zq:-:2','held','submit',NULL,NULL,1.79561904740439653395e+09,1,0,'{"workflow":"live","provider":"videos-api","brief":{"prompt":"A slow train","negative_prompt":"","model":null,"duration":4.0,"resolution":null,"aspect_ratio":null,"fps":null,"seed":null,"takes":1,"publish_takes":null,"quality":"standard","metadata":{},"references":[],"webhook":null,"platforms":[],"title":"","caption":"","hashtags":[],"privacy":"public"},"spec":{"width":1280,"height":720,"aspect_ratio":"16:9","resolution":"720p","fps":null,"duration":4.0,"seed":null,"quality":"standard"},"model":"sora-2","platform":null,"take":1,"takes":1,"row":null,"fates":[{"parameter":"prompt","outcome":"sent","asked":"12 characters","becomes":"","note":""},{"parameter":"duration","outcome":"translated","asked":"4 s","becomes":"4 s","note":"seconds"},{"parameter":"resolution","outcome":"translated","asked":"default","becomes":"1280x720","note":"size"},{"parameter":"aspect_ratio","outcome":"translated","asked":"default","becomes":"1280x720","note":"size"}],"cost":400000,"prompt":{"text":"A slow train","negative_text":"","title":"","caption":"","hashtags":[],"edits":[]},"generation":1,"prepared":null,"render":{"provider":"videos-api","remote_id":"x","status":"queued","cost":"0.4"},"clip":null,"finished":0,"posts":{},"approved":[]}','The outcome of the request to videos-api is unknown: it answered 502.',NULL,NULL,1.79561898739689731595e+09,1.79561898740852880478e+09,NULL,'',NULL);
CREATE TABLE leftovers (pattern TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE links (
      hash TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, expires_at REAL NOT NULL
    , brand TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
INSERT INTO "links" VALUES('0a0b','ana','["read"]',1795618999.25,'');
CREATE TABLE lists (
      place TEXT PRIMARY KEY, prompt INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0,
      slowest REAL NOT NULL DEFAULT 0, turned_up TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
CREATE TABLE "notices" (
      whom TEXT NOT NULL, cause TEXT NOT NULL, words TEXT NOT NULL, count INTEGER NOT NULL, first_at REAL NOT NULL,
      seen_at REAL NOT NULL, there INTEGER NOT NULL DEFAULT 1, told_at REAL, told_count INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (whom, cause)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "notices" VALUES('','no funds','No funds',1,1795618960.0,1795618960.0,1,NULL,0);
CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, job_id TEXT NOT NULL,
      run_id TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, at REAL NOT NULL, due_at REAL NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0
    , reason TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE plugin_state (
      instance TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (instance, key)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "plugin_state" VALUES('series','last','7');
CREATE TABLE post_stops (
      scope TEXT PRIMARY KEY, at REAL NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "post_stops" VALUES('gallery',1795618959.25,'ana','looked at first');
CREATE TABLE removed_jobs (
      key TEXT PRIMARY KEY, job_id TEXT NOT NULL, run_id TEXT NOT NULL, status TEXT NOT NULL,
      created_at REAL NOT NULL, updated_at REAL NOT NULL, removed_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
CREATE TABLE render_requests (render_id TEXT PRIMARY KEY, request TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "render_requests" VALUES('1ngdy4f9vy38djm7','{"prompt":"A boat at dawn","negative_prompt":"","model":null,"spec":{"width":854,"height":480,"aspect_ratio":"16:9","resolution":"480p","fps":30,"duration":0.5,"seed":null,"quality":"standard"},"references":[],"metadata":{},"webhook":null}');
INSERT INTO "render_requests" VALUES('1ngdy4fyxx4rtvj7','{"prompt":"A lighthouse in the fog","negative_prompt":"","model":null,"spec":{"width":854,"height":480,"aspect_ratio":"16:9","resolution":"480p","fps":30,"duration":0.5,"seed":null,"quality":"standard"},"references":[],"metadata":{},"webhook":null}');
INSERT INTO "render_requests" VALUES('1ngdy4hp3cvmbch3','{"prompt":"A slow train","negative_prompt":"","model":"sora-2","spec":{"width":1280,"height":720,"aspect_ratio":"16:9","resolution":"720p","fps":null,"duration":4.0,"seed":null,"quality":"standard"},"references":[],"metadata":{},"webhook":null}');
CREATE TABLE renders (
      id TEXT PRIMARY KEY, job_id TEXT NOT NULL, run_id TEXT NOT NULL, provider TEXT NOT NULL,
      account TEXT NOT NULL, remote_id TEXT NOT NULL, details TEXT NOT NULL,
      state TEXT NOT NULL, word TEXT NOT NULL DEFAULT '', progress REAL, error TEXT NOT NULL DEFAULT '',
      submitted_at REAL NOT NULL, due_at REAL, deadline_at REAL NOT NULL,
      overdue INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
      owner TEXT, lease_until REAL, fence INTEGER NOT NULL DEFAULT 0, expires_at REAL, ended_at REAL
    , hinted INTEGER NOT NULL DEFAULT 0, hinted_at REAL) STRICT;
INSERT INTO "renders" VALUES('1ngdy4f9vy38djm7','1ngdy4fet5y0c79t','1ngdy4f9cvjcs1wb','preview','preview','preview_13dc340406164dd24a154c32','{"cost_micros": 0, "charged": false}','completed','',100.0,'',1.79561895925971293447e+09,NULL,1.79561955925949740409e+09,0,0,NULL,1.79561913986576485637e+09,4,NULL,1.79561895986707711217e+09,0,NULL);
INSERT INTO "renders" VALUES('1ngdy4fyxx4rtvj7','1ngdy4fw0a4pj466','1ngdy4f9cvjcs1wb','preview','preview','preview_93f415cdbfa630b89165d6f0','{"cost_micros": 0, "charged": false}','completed','',100.0,'',1.79561895926053214072e+09,NULL,1.79561955925966763502e+09,0,0,NULL,1.79561913986834907532e+09,4,NULL,1.79561895986992740631e+09,0,NULL);
INSERT INTO "renders" VALUES('1ngdy4hp3cvmbch3','1ngdy4hmegvbnpxh','1ngdy4hj9cf2b4zq','videos-api','videos-api http://127.0.0.1:8765 env:KEY','video_3e196f485b5d48d5a2249ae2efc3006d','{}','queued','queued',1.0,'',1.79561896145807075499e+09,1.79561897633536434173e+09,1.79561956145772242546e+09,0,0,NULL,1.79561914645965123174e+09,1,NULL,NULL,0,NULL);
CREATE TABLE requests (
      holder TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, owner TEXT NOT NULL, begun_at REAL NOT NULL,
      status INTEGER, answer TEXT NOT NULL, PRIMARY KEY (holder, key)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "requests" VALUES('holder-17','key-17','asked-17','owner-17',1795618959.25,1,'answer-17');
CREATE TABLE review_links (
      id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, version TEXT NOT NULL,
      person TEXT NOT NULL, maker TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
      used_at REAL, answer TEXT NOT NULL DEFAULT '', revoked_at REAL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "review_links" VALUES('0a0c','0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f','1ngdy4fet5y0c79t','0123456789ab','Acme Ltd','ana',1795618999.25,1796223799.25,NULL,'',NULL);
CREATE TABLE runs (
      id TEXT PRIMARY KEY, key TEXT UNIQUE, workflow TEXT NOT NULL, frozen TEXT NOT NULL,
      created_at REAL NOT NULL
    , brand TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "runs" VALUES('1ngdy4f9cvjcs1wb',NULL,'flow','{"workflow": {"name": "flow", "out": "reelwork-out", "brief": {"duration": 0.5, "resolution": "480p"}, "provider": {"use": "preview"}, "plugins": {"pre_moderate": ["rules"], "prompt_transform": ["platform-style"], "post_download": ["thumbnail", "local"], "publish": ["gallery"], "job_event": [], "add": []}, "plugin": {}, "platform": {}, "limits": {"requests_per_minute": null, "requests_per_day": null, "concurrent": null, "largest_download": 4000.0}, "budget": {"per_job": null, "per_run": null, "per_day": null, "per_month": null, "allow_unknown_price": false}}, "base_dir": "/srv/films", "out": "/srv/films/reelwork-out", "source": "flow.toml", "text": "[provider]\nuse = \"preview\"\n[brief]\nduration = 0.5\nresolution = \"480p\"\n", "plugins": {"rules": "reelwork 0.1.0", "platform-style": "reelwork 0.1.0", "thumbnail": "reelwork 0.1.0", "local": "reelwork 0.1.0", "gallery": "reelwork 0.1.0", "preview": "reelwork 0.1.0"}}',1.79561895922585392001e+09,'');
INSERT INTO "runs" VALUES('1ngdy4g5yfsa74nz',NULL,'reelwork','{"workflow": {"name": "reelwork", "out": "reelwork-out", "brief": {}, "provider": {"use": "preview"}, "plugins": {"pre_moderate": ["rules"], "prompt_transform": ["platform-style"], "post_download": ["thumbnail", "local"], "publish": ["gallery"], "job_event": [], "add": ["/srv/films/hold.py"]}, "plugin": {}, "platform": {}, "limits": {"requests_per_minute": null, "requests_per_day": null, "concurrent": null, "largest_download": 4000.0}, "budget": {"per_job": null, "per_run": null, "per_day": null, "per_month": null, "allow_unknown_price": false}}, "base_dir": "/srv/films", "out": "/srv/films/reelwork-out", "source": "", "text": "", "plugins": {"rules": "reelwork 0.1.0", "platform-style": "reelwork 0.1.0", "thumbnail": "reelwork 0.1.0", "local": "reelwork 0.1.0", "gallery": "reelwork 0.1.0", "hold": "/srv/films/hold.py", "preview": "reelwork 0.1.0"}}',1.79561896061694025988e+09,'');
INSERT INTO "runs" VALUES('1ngdy4hj9cf2b4zq',NULL,'live','{"workflow": {"name": "live", "out": "reelwork-out", "brief": {"duration": 4, "prompt": "A slow train"}, "provider": {"use": "videos-api", "base_url": "http://127.0.0.1:8765/v1", "model": "sora-2", "dialect": "sora", "api_key": "env:KEY", "price_per_second": 0.1}, "plugins": {"pre_moderate": ["rules"], "prompt_transform": ["platform-style"], "post_download": ["thumbnail", "local"], "publish": ["gallery"], "job_event": [], "add": []}, "plugin": {}, "platform": {}, "limits": {"requests_per_minute": null, "requests_per_day": null, "concurrent": null, "largest_download": 4000.0}, "budget": {"per_job": null, "per_run": null, "per_day": "10", "per_month": null, "allow_unknown_price": false}}, "base_dir": "/srv/films", "out": "/srv/films/reelwork-out", "source": "live.toml", "text": "[provider]\nuse = \"videos-api\"\nbase_url = \"http://127.0.0.1:8765/v1\"\nmodel = \"sora-2\"\ndialect = \"sora\"\napi_key = \"env:KEY\"\nprice_per_second = 0.1\n[brief]\nduration = 4\n[budget]\nper_day = 10\n", "plugins": {"rules": "reelwork 0.1.0", "platform-style": "reelwork 0.1.0", "thumbnail": "reelwork 0.1.0", "local": "reelwork 0.1.0", "gallery": "reelwork 0.1.0", "videos-api": "reelwork 0.1.0"}}',1.79561896129964613912e+09,'');
CREATE TABLE schedules (
  name TEXT PRIMARY KEY, spec TEXT NOT NULL, version INTEGER NOT NULL, added_at REAL NOT NULL,
  decided_until REAL NOT NULL, pause TEXT, trouble TEXT NOT NULL DEFAULT '', removed_at REAL
) STRICT;
INSERT INTO "schedules" VALUES('weekly','{}',1,1795620000.0,1795620000.0,NULL,'',NULL);
CREATE TABLE sightings (
      place TEXT NOT NULL, remote_id TEXT NOT NULL, reading INTEGER NOT NULL, PRIMARY KEY (place, remote_id)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE slots (
  schedule TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  decided_at REAL NOT NULL, due_at REAL, run_id TEXT, cycle INTEGER NOT NULL DEFAULT 0, row TEXT,
  PRIMARY KEY (schedule, key)
) STRICT;
INSERT INTO "slots" VALUES('weekly','2026-11-30T09:00',1796029200.0,'fired','',1796029201.0,NULL,'1ngdy4fet5y0c79r',0,NULL);
CREATE TABLE tokens (
      name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at REAL NOT NULL
    , brand TEXT NOT NULL DEFAULT '', person TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
INSERT INTO "tokens" VALUES('grafana','0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f','["read"]',1.79561895925469040867e+09,'acme','ana');
CREATE TABLE warm (
      place TEXT NOT NULL, model TEXT NOT NULL, opens_at REAL NOT NULL, PRIMARY KEY (place, model)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_targets (
      name TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, seen_at REAL NOT NULL, failing_since REAL,
      off_at REAL, reason TEXT NOT NULL DEFAULT ''
    , brand TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
INSERT INTO "webhook_targets" VALUES('chat','https://x.example/hook','["done"]',1795618999.25,NULL,NULL,'','acme');
CREATE TABLE webhooks_seen (
      seq INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, UNIQUE (account, id)
    ) STRICT;
INSERT INTO "webhooks_seen" VALUES(1,'fal','msg-1',1795618960.25);
CREATE INDEX slots_by_time ON slots(schedule, at);
CREATE INDEX slots_waiting ON slots(schedule, due_at) WHERE state = 'waiting';
CREATE INDEX slots_by_run ON slots(run_id) WHERE run_id IS NOT NULL;
CREATE UNIQUE INDEX slots_rows ON slots(schedule, cycle, row) WHERE row IS NOT NULL;
CREATE INDEX jobs_due ON jobs(due_at, seq) WHERE status = 'active' AND due_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs(owner) WHERE owner IS NOT NULL;
CREATE INDEX jobs_by_run ON jobs(run_id, seq);
CREATE INDEX jobs_blocked ON jobs(blocked_on, seq) WHERE blocked_on IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs(render_id) WHERE render_id IS NOT NULL;
CREATE INDEX renders_due ON renders(due_at) WHERE due_at IS NOT NULL;
CREATE INDEX renders_open ON renders(account) WHERE ended_at IS NULL;
CREATE INDEX renders_remote ON renders(account, remote_id);
CREATE INDEX effects_by_job ON effects(job_id);
CREATE INDEX effects_open ON effects(account, kind, fingerprint) WHERE state IN ('sent', 'unknown');
CREATE INDEX effects_remote ON effects(account, kind, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX calls_at ON calls(account, at);
CREATE INDEX events_by_job ON events(job_id, seq);
CREATE INDEX jobs_open ON jobs(id) WHERE status = 'active';
CREATE INDEX renders_by_job ON renders(job_id);
CREATE INDEX removed_jobs_by_id ON removed_jobs(job_id);
CREATE INDEX effects_controls ON effects(account, kind, spec, answered_no) WHERE answered_no IS NOT NULL;
CREATE INDEX effects_sent_again ON effects(account, kind) WHERE resent > 0;
CREATE INDEX effects_money ON effects(reserved_at) WHERE money IN ('reserved', 'charged');
CREATE INDEX jobs_rendered ON jobs(due_at, seq)
      WHERE status = 'active' AND due_at IS NOT NULL AND render_id IS NOT NULL;
CREATE INDEX hints_by_time ON hints(at);
CREATE INDEX renders_hinted ON renders(id) WHERE hinted = 1;
CREATE INDEX renders_by_remote_id ON renders(remote_id);
CREATE INDEX jobs_reviewed ON jobs(due_at, seq) WHERE status = 'held' AND due_at IS NOT NULL;
CREATE INDEX outbox_due ON outbox(target, due_at);
CREATE INDEX requests_by_age ON requests(begun_at);
CREATE INDEX jobs_moved ON jobs(first_run) WHERE first_run IS NOT NULL;
CREATE INDEX deliveries_by_target ON deliveries(target, seq);
CREATE INDEX jobs_of_brand ON jobs(brand, seq) WHERE brand <> '';
CREATE INDEX effects_of_brand ON effects(brand, reserved_at) WHERE brand <> '';
CREATE INDEX runs_of_brand ON runs(brand) WHERE brand <> '';
CREATE INDEX review_links_of_job ON review_links(job_id);
CREATE INDEX jobs_ended ON jobs(ended_at, seq) WHERE status IN ('done', 'failed', 'rejected', 'cancelled');
CREATE INDEX jobs_by_status ON jobs(status) WHERE status <> 'active';
CREATE INDEX effects_spent ON effects(reserved_at) WHERE kind = 'submit' OR money <> 'none';
PRAGMA application_id = 1382376812;
PRAGMA user_version = 26;
