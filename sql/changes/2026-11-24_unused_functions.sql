-- What dispatch asks for, it asks for of app.push_lead; requests come by hand.

drop function if exists app.request_crm_push(uuid, uuid);
